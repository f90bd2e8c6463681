import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Stage } from './stage.js';

/** Ends what was begun. */
type Heal = () => Promise<void>;

/** A fault that can come over a stage at any time, and pass again. Nothing that was sent may be lost by it, whenever it comes and goes. */
export interface Disturbance {
  readonly name: string;
  /** What the stage must have. */
  readonly needs?: readonly ('durable' | 'proxied' | 'process')[];
  readonly begin: (stage: Stage) => Promise<Heal>;
}

const nothing = (): Promise<void> => Promise.resolve();

function slotsLike(stage: Stage, name: string): Stage['slots'] {
  return stage.slots.filter((slot) => slot.name.startsWith(name) && slot.starts > 0);
}

/** One of a kind dies, and is started again. */
function dies(name: string, who: 'sender' | 'receiver', how: 'kill' | 'stop'): Disturbance {
  return {
    name,
    begin: async (stage) => {
      const slot = stage.random.pick(slotsLike(stage, who));
      await slot[how]();
      return async () => {
        if (!slot.running) await slot.start();
      };
    },
  };
}

function brokerGoes(name: string, how: 'kill' | 'stop'): Disturbance {
  return {
    name,
    needs: ['durable'],
    begin: async (stage) => {
      const broker = stage.random.pick(stage.brokers);
      await broker[how]();
      return () => broker.start();
    },
  };
}

function proxyMode(name: string, mode: Parameters<Stage['proxies'][number]['setMode']>[0]): Disturbance {
  return {
    name,
    needs: ['proxied'],
    begin: async (stage) => {
      const proxy = stage.random.pick(stage.proxies);
      await proxy.setMode(mode);
      return () => proxy.setMode({ type: 'pass' });
    },
  };
}

/** The process of the broker stands still: its system goes on to accept connections, and nobody answers. */
const brokerFreezes: Disturbance = {
  name: 'broker-freezes',
  needs: ['process'],
  begin: (stage) => {
    const { pid } = stage.random.pick(stage.brokers);
    process.kill(pid, 'SIGSTOP');
    return Promise.resolve(() => {
      process.kill(pid, 'SIGCONT');
      return Promise.resolve();
    });
  },
};

const connectionsCut: Disturbance = {
  name: 'connections-cut',
  needs: ['proxied'],
  begin: (stage) => {
    stage.random.pick(stage.proxies).cutAll();
    return Promise.resolve(nothing);
  },
};

/** Emptied, then filled again slowly: half a file, and at last everything. */
const trustEmptied: Disturbance = {
  name: 'trust-directory-emptied',
  begin: (stage) => {
    const { trustDirectory } = stage.world.pki;
    const files = readdirSync(trustDirectory).map(
      (name) => [path.join(trustDirectory, name), readFileSync(path.join(trustDirectory, name))] as const,
    );
    for (const [file] of files) rmSync(file);
    return Promise.resolve(async () => {
      for (const [file, bytes] of files) writeFileSync(file, bytes.subarray(0, Math.floor(bytes.length / 2)));
      for (const slot of stage.slots) slot.reload();
      for (const [file, bytes] of files) writeFileSync(file, bytes);
      return Promise.resolve();
    });
  },
};

/** All that can be thrown at a stage at random. */
export const DISTURBANCES: readonly Disturbance[] = [
  dies('sender-killed', 'sender', 'kill'),
  dies('sender-stopped', 'sender', 'stop'),
  dies('receiver-killed', 'receiver', 'kill'),
  dies('receiver-stopped', 'receiver', 'stop'),
  brokerGoes('broker-killed', 'kill'),
  brokerGoes('broker-stopped', 'stop'),
  brokerFreezes,
  connectionsCut,
  proxyMode('network-gone', { type: 'black-hole' }),
  proxyMode('answers-gone', { type: 'mute' }),
  proxyMode('network-slow', { type: 'throttle', bytesPerSecond: 200_000 }),
  proxyMode('network-late', { type: 'delay', ms: 300 }),
  proxyMode('connection-refused', { type: 'refuse' }),
  trustEmptied,
];

export function disturbance(name: string): Disturbance {
  const found = DISTURBANCES.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`no disturbance ${name}`);
  return found;
}
