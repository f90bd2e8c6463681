import { DISTURBANCES, type Disturbance } from '../stage/disturbances.js';
import { certificateRenewed, clockJumps, crlExpires, freezes, incomingFull, incomingReadOnly } from '../stage/more-disturbances.js';
import type { Seeded } from '../stage/seeded.js';
import type { Scene } from './scene.js';

/** What a fault takes hold of: two that take hold of the same thing come one after the other. */
export type Lane = 'sender' | 'receiver' | 'broker' | 'network' | 'trust' | 'certificate' | 'volume' | 'clock';

export interface MenuItem {
  readonly disturbance: Disturbance;
  readonly lane: Lane;
  /** From and to, seconds. */
  readonly lasts: readonly [number, number];
  /** How many times it is in the pack. */
  readonly cards: number;
  /** Comes while these work: between two bursts there is nothing that it could spoil. */
  readonly during?: 'sender' | 'receiver';
  /** A service may refuse to start while it lasts, as documented; whoever runs it starts it again. */
  readonly refusesStart?: boolean;
}

type Entry = Omit<MenuItem, 'disturbance'>;

const MOMENT = [0.1, 3] as const;
const WHILE = [1, 6] as const;

const ENTRIES: Readonly<Record<string, Entry>> = {
  'sender-killed': { lane: 'sender', lasts: MOMENT, cards: 4, during: 'sender' },
  'sender-stopped': { lane: 'sender', lasts: MOMENT, cards: 1, during: 'sender' },
  'sender-frozen': { lane: 'sender', lasts: WHILE, cards: 1, during: 'sender' },
  'receiver-killed': { lane: 'receiver', lasts: MOMENT, cards: 5, during: 'receiver' },
  'receiver-stopped': { lane: 'receiver', lasts: MOMENT, cards: 1, during: 'receiver' },
  'receiver-frozen': { lane: 'receiver', lasts: WHILE, cards: 1, during: 'receiver' },
  'broker-killed': { lane: 'broker', lasts: MOMENT, cards: 1, during: 'sender' },
  'broker-stopped': { lane: 'broker', lasts: MOMENT, cards: 1, during: 'sender' },
  'broker-freezes': { lane: 'broker', lasts: WHILE, cards: 1, during: 'sender' },
  'connections-cut': { lane: 'network', lasts: MOMENT, cards: 2 },
  'network-gone': { lane: 'network', lasts: WHILE, cards: 1 },
  'answers-gone': { lane: 'network', lasts: WHILE, cards: 1 },
  'network-slow': { lane: 'network', lasts: WHILE, cards: 1 },
  'network-late': { lane: 'network', lasts: WHILE, cards: 1 },
  'connection-refused': { lane: 'network', lasts: WHILE, cards: 1 },
  'trust-directory-emptied': { lane: 'trust', lasts: WHILE, cards: 1, refusesStart: true },
  'crl-expired': { lane: 'trust', lasts: WHILE, cards: 1, refusesStart: true },
  'certificate-renewed': { lane: 'certificate', lasts: [0, 1], cards: 1, refusesStart: true },
  // After local trouble that keeps coming back a receiver waits ever longer: not too many of these.
  'incoming-full': { lane: 'volume', lasts: WHILE, cards: 1, during: 'receiver' },
  'incoming-read-only': { lane: 'volume', lasts: WHILE, cards: 1, during: 'receiver' },
  'clock-jumps': { lane: 'clock', lasts: WHILE, cards: 1 },
};

/** All faults that can come over this scene, or those of these names. Throws RangeError when there are none. */
export function menuOf({ stage, volumes, clock }: Scene, only: readonly string[]): MenuItem[] {
  const broker = stage.brokers[0]?.kind;
  const has = { durable: broker !== 'devbroker', process: broker !== 'devbroker', proxied: stage.proxies.length > 0 };
  const all = [
    ...DISTURBANCES,
    freezes('sender'),
    freezes('receiver'),
    crlExpires,
    certificateRenewed,
    ...(volumes.length === 0 ? [] : [incomingFull(volumes), incomingReadOnly(volumes)]),
    ...(clock === undefined ? [] : [clockJumps(clock)]),
  ];
  const menu = all.flatMap((disturbance) => {
    const { name, needs = [] } = disturbance;
    const entry = ENTRIES[name];
    const wanted = only.length === 0 || only.includes(name);
    return entry !== undefined && wanted && needs.every((need) => has[need]) ? [{ disturbance, ...entry }] : [];
  });
  if (menu.length === 0) throw new RangeError(`no such fault here; there are ${all.map(({ name }) => name).join(', ')}`);
  return menu;
}

/** A fault of the plan: after a pause, on for so long. */
export interface Step {
  readonly item: MenuItem;
  readonly pauseMs: number;
  readonly lastsMs: number;
}

/** Without end. The whole pack is dealt before it is shuffled again, so that nothing is left out for long. */
export function* stepsOf(menu: readonly MenuItem[], random: Seeded): Generator<Step, never> {
  const pack = menu.flatMap((item) => Array.from({ length: item.cards }, () => item));
  for (;;) {
    const left = [...pack];
    while (left.length > 0) {
      const [item] = left.splice(random.between(0, left.length - 1), 1);
      if (item === undefined) continue;
      const [from, to] = item.lasts;
      yield { item, pauseMs: random.between(300, 3000), lastsMs: 1000 * (from + random.next() * (to - from)) };
    }
  }
}
