// For `helm test`: waits until every pod of every service whose readiness page is given is ready; after a minute it says what is not, and fails.
import { lookup } from 'node:dns/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = Number(process.env.SSM_TEST_SECONDS ?? 60) * 1000;

/** What keeps one pod from being ready; empty: nothing. */
async function troublesAt(url) {
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

/** What keeps a service from being ready. Its name has an address for each pod; where it has several, the address is said. */
async function troubles(url) {
  try {
    const addresses = await lookup(new URL(url).hostname, { all: true });
    const found = await Promise.all(
      addresses.map(async ({ address, family }) => {
        const pod = new URL(url);
        pod.hostname = family === 6 ? `[${address}]` : address;
        const trouble = await troublesAt(pod);
        return addresses.length > 1 && trouble !== '' ? `${address}: ${trouble}` : trouble;
      }),
    );
    return found.filter((trouble) => trouble !== '').join('; ');
  } catch (error) {
    return `no answer: ${error.message}`;
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
