import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, it } from 'node:test';
import { requireTools, type Scope, temporaryDirectory } from '@ssm/test-support';
import { root } from '../support/services.js';

// deploy/compose/setup.sh without a container: what it makes, and what it leaves alone.

const SERVICE = 1000;
const USER = 4321;

class Setup {
  readonly #directory: string;

  constructor(scope: Scope) {
    this.#directory = temporaryDirectory(scope);
    // The services are another user.
    chmodSync(this.#directory, 0o755);
    cpSync(path.join(root, 'deploy/compose'), path.join(this.#directory, 'setup'), { recursive: true });
    const script = path.join(this.#directory, 'setup/setup.sh');
    // The folders that the stack mounts.
    const text = readFileSync(script, 'utf8').replaceAll(/(?<!\w)\/(certificates|folders|broker)\b/g, `${this.#directory}/$1`);
    writeFileSync(script, text);
    for (const folder of ['certificates/trust', 'broker', 'folders/outgoing', 'folders/incoming', 'folders/reject'])
      mkdirSync(path.join(this.#directory, folder), { recursive: true });
  }

  at(...names: readonly string[]): string {
    return path.join(this.#directory, 'certificates', ...names);
  }

  #start(PATH = process.env['PATH']): { status: number | null; stdout: string; stderr: string } {
    const env = { PATH, RUN_UID: String(SERVICE), RUN_GID: String(SERVICE), DESTINATION: '/queue/a', OWN_TRUST: '' };
    return spawnSync('sh', [path.join(this.#directory, 'setup/setup.sh')], { encoding: 'utf8', env });
  }

  run(): string {
    const { status, stdout, stderr } = this.#start();
    assert.equal(status, 0, stdout + stderr);
    return stdout;
  }

  /** A start that ends when it puts its file of this number in place. */
  interrupt(scope: Scope, file: number): void {
    const folder = temporaryDirectory(scope);
    const moved = path.join(folder, 'moved');
    writeFileSync(
      path.join(folder, 'mv'),
      `#!/bin/sh\necho >>${moved}\n[ "$(wc -l <${moved})" -lt ${file} ] || exit 1\nPATH=\${PATH#*:} exec mv "$@"\n`,
      { mode: 0o755 },
    );
    assert.notEqual(this.#start(`${folder}:${process.env['PATH']}`).status, 0);
  }

  /** The owner of each file. */
  owners(): Record<string, number> {
    const names = readdirSync(this.at(), { recursive: true, encoding: 'utf8' });
    return Object.fromEntries(names.map((name) => [name, statSync(this.at(name)).uid]));
  }

  /** Own certificates in place of what is there, as somebody else owns them; the services can read them. */
  replace(scope: Scope, service: string): void {
    const other = temporaryDirectory(scope);
    const { status } = spawnSync('sh', [path.join(root, 'deploy/compose/demo-certificates.sh'), other]);
    assert.equal(status, 0);
    mkdirSync(this.at(service), { recursive: true });
    for (const name of readdirSync(this.at(service))) rmSync(this.at(service, name));
    cpSync(path.join(other, service), this.at(service), { recursive: true });
    // Of the demo ones these are always the same.
    for (const name of readdirSync(this.at(service))) if (/^dns$|policy$/.test(name)) appendFileSync(this.at(service, name), '# my own\n');
    if (service !== 'trust') chmodSync(this.at(service, 'hostkey.pem'), 0o640);
    for (const name of ['', ...readdirSync(this.at(service))]) chownSync(this.at(service, name), USER, SERVICE);
  }
}

const MADE = /demo certificates are made/;

describe('deploy/compose/setup.sh', { skip: requireTools('openssl', 'root') }, () => {
  it('makes demo certificates for the services, once', (test) => {
    const setup = new Setup(test);
    assert.match(setup.run(), MADE);
    const owners = setup.owners();
    assert.deepEqual([...new Set(Object.values(owners))], [SERVICE]);
    assert.ok('sender/hostkey.pem' in owners && 'trust' in owners && '.demo' in owners, JSON.stringify(owners));
    const key = readFileSync(setup.at('sender/hostkey.pem'));
    assert.doesNotMatch(setup.run(), MADE);
    assert.deepEqual(readFileSync(setup.at('sender/hostkey.pem')), key);
  });

  it('makes them again where only their mark or some of them are left', (test) => {
    const setup = new Setup(test);
    setup.run();
    for (const gone of [['sender'], ['sender', 'receiver', 'broker', 'trust']]) {
      for (const name of gone) rmSync(setup.at(name), { recursive: true });
      mkdirSync(setup.at('trust'), { recursive: true });
      assert.match(setup.run(), MADE);
      assert.deepEqual([...new Set(Object.values(setup.owners()))], [SERVICE]);
    }
  });

  it('makes them again however often it was interrupted', (test) => {
    const setup = new Setup(test);
    for (const file of [1, 8, 4]) setup.interrupt(test, file);
    assert.match(setup.run(), MADE);
    assert.doesNotMatch(setup.run(), MADE);
    // While all are made anew, up to the last.
    for (const file of [4, 2, readFileSync(setup.at('.demo'), 'utf8').trim().split('\n').length + 2]) {
      rmSync(setup.at('sender/hostkey.pem'), { force: true });
      setup.interrupt(test, file);
    }
    assert.match(setup.run(), MADE);
    assert.doesNotMatch(setup.run(), MADE);
    assert.deepEqual([...new Set(Object.values(setup.owners()))], [SERVICE]);
  });

  it('says what is missing when it makes them', (test) => {
    const setup = new Setup(test);
    assert.match(setup.run(), /certificates is empty: demo/);
    rmSync(setup.at('sender/hostkey.pem'));
    assert.match(setup.run(), /some of the demo certificates are missing: demo/);
  });

  it("leaves the user's own certificates as they are, whatever is left of the demo ones", (test) => {
    const setup = new Setup(test);
    setup.run();
    // One after the other: the demo ones that stay are the services'.
    for (const service of ['sender', 'receiver', 'broker', 'trust']) {
      setup.replace(test, service);
      const before = setup.owners();
      const key = service === 'trust' ? '' : readFileSync(setup.at(service, 'hostkey.pem'), 'utf8');
      assert.doesNotMatch(setup.run(), MADE);
      assert.deepEqual(setup.owners(), before);
      if (key !== '') assert.equal(readFileSync(setup.at(service, 'hostkey.pem'), 'utf8'), key);
    }
    assert.ok(Object.entries(setup.owners()).every(([name, uid]) => uid === (name === '.demo' ? SERVICE : USER)));
  });

  it('makes nothing beside a certificate of the user', (test) => {
    const setup = new Setup(test);
    // As an interrupted start left it.
    writeFileSync(setup.at('.demo'), '');
    for (const service of ['sender', 'receiver', 'broker', 'trust']) setup.replace(test, service);
    const before = setup.owners();
    assert.doesNotMatch(setup.run(), MADE);
    assert.deepEqual(setup.owners(), before);
  });
});
