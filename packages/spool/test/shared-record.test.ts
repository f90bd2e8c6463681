import { MemoryClaims } from '@ssm/test-support';
import { forgotten } from '../src/server-meeting.js';
import { SharedDeliveryRecord } from '../src/shared-record.js';
import { recordConformance } from './record-conformance.js';
import { sharedConformance } from './shared-conformance.js';
import { HOUR } from './support.js';

// With a stand-in for the server; redis.conformance.ts runs the same on a real one.

const worlds = new Map<string, MemoryClaims>();

function worldOf(name: string): MemoryClaims {
  const world = worlds.get(name) ?? new MemoryClaims({ forgotten });
  worlds.set(name, world);
  return world;
}

function make(root: string, world: string, now?: () => Date): SharedDeliveryRecord {
  const server = { url: 'redis://stand-in', prefix: world, timeoutMs: 1000 };
  const options = { path: root, label: root.replace(/.*\//, ''), windowMs: HOUR, server, ...(now === undefined ? {} : { now }) };
  return new SharedDeliveryRecord(options, worldOf(world));
}

recordConformance('shared, stand-in', {
  make: (root, now) => make(root, root, now),
  pass: async (root, milliseconds) => worldOf(root).advance(milliseconds),
});

sharedConformance('stand-in', {
  make,
  pass: async (milliseconds) => {
    for (const world of worlds.values()) world.advance(milliseconds);
  },
  empty: async () => {
    for (const world of worlds.values()) world.empty();
  },
  lasting: async (world) => worldOf(world).lasting,
});
