import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createCertificate, createCrl } from '@ssm/test-support';
import type { FakeClock } from './clock.js';
import type { Disturbance } from './disturbances.js';
import type { Volume } from './mounts.js';
import type { Stage } from './stage.js';

// Disturbances that need more than the stage itself, or that leave something to be done by an operator.

const done = (): Promise<void> => Promise.resolve();

function replaceFile(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.tmp`, text, { mode });
  renameSync(`${file}.tmp`, file);
}

function reload(stage: Stage): void {
  for (const slot of stage.slots) slot.reload();
}

/** The process stands still, as on a machine that swaps or is moved; then it goes on as if nothing had been, with connections that may be gone. */
export function freezes(who: 'sender' | 'receiver'): Disturbance {
  return {
    name: `${who}-frozen`,
    begin: (stage) => {
      const slot = stage.random.pick(stage.slots.filter(({ name }) => name.startsWith(who)));
      if (!slot.running) return Promise.resolve(done);
      const { child } = slot.service;
      child.signal('SIGSTOP');
      return Promise.resolve(() => {
        child.signal('SIGCONT');
        return done();
      });
    },
  };
}

export function incomingFull(volumes: readonly Volume[]): Disturbance {
  return {
    name: 'incoming-full',
    begin: (stage) => {
      const volume = stage.random.pick(volumes);
      volume.fill();
      return Promise.resolve(() => {
        volume.free();
        return done();
      });
    },
  };
}

export function incomingReadOnly(volumes: readonly Volume[]): Disturbance {
  return {
    name: 'incoming-read-only',
    begin: async (stage) => {
      const volume = stage.random.pick(volumes);
      await volume.readOnly(true);
      return () => volume.readOnly(false);
    },
  };
}

const JUMPS_SECONDS = [-1800, -60, -1, 1, 60, 3600, 7200];

/** Of the services alone: they run with the clock's environment. */
export function clockJumps(clock: FakeClock): Disturbance {
  return {
    name: 'clock-jumps',
    begin: (stage) => {
      clock.jump(stage.random.pick(JUMPS_SECONDS));
      return Promise.resolve(() => {
        clock.jump(0);
        return done();
      });
    },
  };
}

/** The list runs out, and is renewed. What was rejected meanwhile waits in the reject queue for a replay. */
export const crlExpires: Disturbance = {
  name: 'crl-expired',
  begin: (stage) => {
    const { ca, trustDirectory } = stage.world.pki;
    const name = readdirSync(trustDirectory).find((file) => /\.r\d+$/.test(file)) ?? '';
    const file = path.join(trustDirectory, name);
    replaceFile(file, createCrl({ issuer: ca, nextUpdate: new Date(Date.now() - 1000) }).pem, 0o644);
    reload(stage);
    return Promise.resolve(() => {
      replaceFile(file, createCrl({ issuer: ca }).pem, 0o644);
      reload(stage);
      return done();
    });
  },
};

/** The site's: another key and certificate of the same name, each put in place by a rename. What is on its way was signed with the old one. */
export const certificateRenewed: Disturbance = {
  name: 'certificate-renewed',
  begin: (stage) => {
    const { ca, sites } = stage.world.pki;
    const [{ certificatePath, keyPath, issued }] = sites;
    const { key: oldKey, dn } = issued;
    const eku = ['serverAuth', 'clientAuth'];
    const renewed = createCertificate({ subject: dn, key: oldKey.kind, issuer: ca, eku, san: ['DNS:site-a.example.org'] });
    replaceFile(keyPath, renewed.keyPem, 0o600);
    return Promise.resolve(() => {
      replaceFile(certificatePath, renewed.certificatePem, 0o644);
      reload(stage);
      return done();
    });
  },
};
