import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificate, createCrl, eventually, type IssuedCertificate, nameHash } from '@ssm/test-support';
import { rejectCodes, replayRejects } from '../stage/reject.js';
import type { Slot } from '../stage/slot.js';
import type { Stage } from '../stage/stage.js';
import { type Fault, secondsSince } from './fault.js';

// What is trusted changes while messages flow: the directory is emptied and filled, a CRL and a certificate end and are renewed.

const BATCH = 20;
const SHORT_LIFE_MS = 3000;

function writtenOver(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

const reload = (stage: Stage): void => {
  for (const slot of stage.slots) slot.reload();
};

const emptied: Fault = {
  name: 'trust-directory-emptied-and-refilled',
  stage: { config: { trust: { stability: '500ms', maximumAge: '1s' } } },
  run: async (stage) => {
    const { receiver } = await stage.pair();
    const { trustDirectory } = stage.world.pki;
    stage.add(BATCH);
    await stage.arrived();
    const files = readdirSync(trustDirectory).map((name) => path.join(trustDirectory, name));
    const contents = files.map((file) => readFileSync(file));
    const from = receiver.printed;
    for (const file of files) rmSync(file);
    reload(stage);
    await receiver.says('cannot be loaded again, the last good one stays in use', { from });
    stage.add(BATCH);
    await stage.arrived();
    // A slow writer: for seconds there is half a directory, and half a file in it.
    for (const [index, file] of files.entries()) {
      const bytes = contents[index] ?? Buffer.alloc(0);
      const quarter = Math.ceil(bytes.length / 4);
      for (let written = 0; written < bytes.length; written += quarter) {
        appendFileSync(file, bytes.subarray(written, written + quarter));
        stage.add(2);
        reload(stage);
        await sleep(200);
      }
    }
    stage.add(BATCH);
    await stage.arrived();
    const start = performance.now();
    await receiver.ready();
    assert.deepEqual(await rejectCodes(stage), [], 'messages were rejected');
    return { tally: await stage.count(), figures: { readyAgainSeconds: secondsSince(start) } };
  },
};

const crlExpires: Fault = {
  name: 'crl-expires-and-is-renewed',
  run: async (stage) => {
    const { ca, trustDirectory } = stage.world.pki;
    const file = path.join(trustDirectory, `${nameHash(ca.subject)}.r0`);
    assert.ok(readdirSync(trustDirectory).includes(path.basename(file)), 'there is a CRL');
    const { receiver } = await stage.pair();
    stage.add(BATCH);
    await stage.arrived();
    const nextUpdate = new Date(Date.now() + SHORT_LIFE_MS);
    writtenOver(file, createCrl({ issuer: ca, nextUpdate }).pem);
    const from = receiver.printed;
    receiver.reload();
    await receiver.says('loaded again', { source: 'trust', from });
    await sleep(Math.max(0, nextUpdate.getTime() - Date.now()) + 1100);
    stage.add(BATCH);
    const all = async (): Promise<void> => assert.equal((await rejectCodes(stage)).length, BATCH);
    await eventually(all, { timeout: 60_000, what: `${BATCH} rejects` });
    assert.deepEqual(new Set(await rejectCodes(stage)), new Set(['crl-expired']));
    writtenOver(file, createCrl({ issuer: ca, number: 3 }).pem);
    receiver.reload();
    stage.add(BATCH);
    await stage.arrived(2 * BATCH);
    await replayRejects(stage, receiver);
    const tally = await stage.count();
    assert.deepEqual(await rejectCodes(stage), [], 'something is left among the rejects');
    return { tally, figures: { rejectedAndReplayed: BATCH } };
  },
};

interface SenderFiles {
  readonly certificate: string;
  readonly key: string;
}

function writeIdentity({ certificate, key }: SenderFiles, { certificatePem, keyPem }: IssuedCertificate): void {
  writtenOver(certificate, certificatePem);
  writtenOver(key, keyPem);
}

/** Gives the sender a certificate that ends soon, sees that it is in use, and waits for its end. A busy machine gets one that lasts longer. */
async function useUntilItsEnd(sender: Slot, write: (notAfter: Date) => void): Promise<void> {
  for (let life = SHORT_LIFE_MS; ; life *= 3) {
    const notAfter = new Date(Date.now() + life);
    const from = sender.printed;
    write(notAfter);
    sender.reload();
    try {
      await sender.says('own certificate', { from, timeout: life });
    } catch (error) {
      if (life > 60_000) throw error;
      continue;
    }
    await sleep(Math.max(0, notAfter.getTime() - Date.now()) + 1100);
    return;
  }
}

const certificateExpires: Fault = {
  name: 'certificate-expires-and-is-renewed',
  run: async (stage) => {
    const { ca, sites } = stage.world.pki;
    const files = { certificate: path.join(stage.world.directory, 'cert.pem'), key: path.join(stage.world.directory, 'key.pem') };
    const template = { subject: sites[0].dn, issuer: ca, key: 'p256', eku: ['clientAuth'], san: ['DNS:site-a.example.org'] } as const;
    writeIdentity(files, createCertificate(template));
    const { sender } = await stage.pair({ sender: { config: { identity: files } } });
    stage.add(BATCH);
    await stage.arrived();
    await useUntilItsEnd(sender, (notAfter) => writeIdentity(files, createCertificate({ ...template, notAfter })));
    stage.add(BATCH);
    await sender.says('no message can be sealed now; everything stays in the outgoing volume');
    assert.equal(await stage.arrivals(), BATCH, 'something was sent with the certificate that had ended');
    writeIdentity(files, createCertificate(template));
    sender.reload();
    const start = performance.now();
    await sender.ready();
    const backSeconds = secondsSince(start);
    stage.add(BATCH);
    const tally = await stage.count();
    assert.equal(stage.quarantined(), 0, 'files are in quarantine');
    assert.deepEqual(await rejectCodes(stage), [], 'messages were rejected');
    return { tally, figures: { backSeconds } };
  },
};

export const TRUST_FAULTS: readonly Fault[] = [emptied, crlExpires, certificateExpires];
