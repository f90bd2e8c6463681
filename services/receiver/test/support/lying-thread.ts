import { parentPort } from 'node:worker_threads';

// Leaves out the answer to its second job.
parentPort?.postMessage({ from: 0, results: [] }, []);
parentPort?.on('message', ({ from, jobs }: { readonly from: number; readonly jobs: readonly { readonly text: string }[] }) => {
  for (const [index, { text }] of jobs.entries())
    if (from + index !== 1) parentPort?.postMessage({ from: from + index, results: [Buffer.from(text)] }, []);
});
