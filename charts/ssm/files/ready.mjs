// For `helm test`: waits until every service whose readiness page is given is ready; after a minute it says what is not, and fails.
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = Number(process.env.SSM_TEST_SECONDS ?? 60) * 1000;

/** What keeps a service from being ready; empty: nothing. */
async function troubles(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    const { ready, components = {} } = await answer.json();
    if (ready === true) return '';
    return Object.entries(components)
      .filter(([, component]) => !component.ready)
      .map(([name, { reason }]) => `${name}: ${reason ?? 'not ready'}`)
      .join('; ');
  } catch (error) {
    return `no answer: ${error.cause?.message ?? error.message}`;
  }
}

const until = Date.now() + DEADLINE_MS;
for (const url of process.argv.slice(1)) {
  let trouble = await troubles(url);
  while (trouble !== '' && Date.now() < until) {
    await sleep(1000);
    trouble = await troubles(url);
  }
  process.stdout.write(`${url}: ${trouble === '' ? 'ready' : trouble}\n`);
  if (trouble !== '') process.exitCode = 1;
}
