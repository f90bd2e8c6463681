import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { it } from 'node:test';
import { type Scope, startCommand } from '@ssm/test-support';
import { chartText } from './files.js';

// What `helm test` runs, against a service of several pods.

const PODS = ['127.0.0.1', '127.0.0.2'] as const;

/** The resolver of a cluster, where a headless Service has an address for each pod. */
const RESOLVER = `import dns from 'node:dns/promises'; import { syncBuiltinESMExports } from 'node:module';
  dns.lookup = async () => ${JSON.stringify(PODS.map((address) => ({ address, family: 4 })))}; syncBuiltinESMExports();`;

async function startPod(scope: Scope, ready: boolean, where: { readonly host: string; readonly port: number }): Promise<number> {
  const server = createServer((_request, response) => {
    response.statusCode = ready ? 200 : 503;
    response.end(JSON.stringify({ ready, components: { broker: { ready, reason: 'connect-failed' } } }));
  }).listen(where.port, where.host);
  scope.after(() => {
    server.close().closeAllConnections();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

for (const second of [true, false])
  it(`helm test ${second ? 'succeeds when every pod is ready' : 'says which of the pods of a service is not ready'}`, async (test) => {
    const port = await startPod(test, true, { host: PODS[0], port: 0 });
    await startPod(test, second, { host: PODS[1], port });
    const url = `http://site-ssm-receiver:${port}/health/ready`;
    const env = { SSM_TEST_SECONDS: '0', NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(RESOLVER)}` };
    const child = await startCommand(test, process.execPath, ['--input-type=module', '--eval', chartText('files/ready.mjs'), '--', url], {
      env,
    });
    assert.equal((await child.exited).code, second ? 0 : 1, child.output());
    const says = second ? 'ready' : `${PODS[1]}: broker: connect-failed`;
    assert.equal(child.output().trim(), `${url}: ${says}`);
  });
