import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type Charge, type Letter, Outbox, type OutboxLimits } from '../src/outbox.js';

function letter(id: string, bytes = 1): Letter {
  return { message: { id, body: new Uint8Array(bytes) }, strikes: 0, told: 0, abandoned: false };
}

class Sending {
  readonly outbox: Outbox<Letter>;
  constructor(ids: string[] = [], limits: Partial<OutboxLimits> = {}) {
    this.outbox = new Outbox({ window: 100, byteBudget: 1000, patience: 1, ...limits });
    this.outbox.begin('b', undefined);
    for (const id of ids) this.outbox.add(letter(id));
  }
  /** Everything that can be done now, as words. */
  steps(): string[] {
    const words: string[] = [];
    for (let step = this.outbox.next(); step; step = this.outbox.next())
      words.push(step.type === 'probe' ? 'probe' : `${step.type} ${step.letter.message.id}`);
    return words;
  }
  /** A connection ended, and the broker is there again. */
  again(charge: Charge = 'guessed', broker = 'b'): void {
    this.outbox.connectionEnded(charge);
    this.outbox.begin(broker, undefined);
  }
  /** A probe is all that can be done, and it passes. */
  probed(why?: string): void {
    assert.deepEqual(this.steps(), ['probe'], why);
    this.outbox.probePassed();
  }
  landed(id: string): void {
    for (const each of this.outbox.letters()) if (each.message.id === id) this.outbox.landed(each);
  }
}

/** Alone, and a probe passes; so many times. */
function strike(sending: Sending, id: string, times = 1): void {
  for (let time = 0; time < times; time += 1) {
    assert.deepEqual(sending.steps(), [`send ${id}`]);
    sending.again();
    sending.probed();
  }
}

describe('the window', () => {
  it('bounds the number in flight', () => {
    const sending = new Sending(['a', 'b', 'c'], { window: 2 });
    assert.deepEqual(sending.steps(), ['send a', 'send b']);
    sending.landed('b');
    assert.deepEqual(sending.steps(), ['send c']);
    assert.equal(sending.outbox.size, 2);
  });

  it('bounds the bytes in flight; what is larger than the budget goes alone', () => {
    const { outbox } = new Sending([], { byteBudget: 10 });
    const [small, huge, last] = [letter('small', 5), letter('huge', 50), letter('last', 5)];
    for (const each of [small, huge, last]) outbox.add(each);
    assert.equal(outbox.next()?.type, 'send');
    assert.equal(outbox.next(), undefined);
    outbox.landed(small);
    assert.deepEqual(outbox.next(), { type: 'send', letter: huge, again: false });
    assert.equal(outbox.next(), undefined);
    outbox.landed(huge);
    assert.deepEqual(outbox.next(), { type: 'send', letter: last, again: false });
  });
});

describe('probation', () => {
  it('sends what was in flight one at a time, then the rest', () => {
    const sending = new Sending(['a', 'b', 'c'], { window: 2 });
    sending.steps();
    sending.outbox.connectionEnded('guessed');
    assert.deepEqual(sending.steps(), ['send a']);
    sending.landed('a');
    assert.deepEqual(sending.steps(), ['send b']);
    sending.landed('b');
    assert.deepEqual(sending.steps(), ['send c']);
  });

  it('puts a message off that alone ends two connections while a probe passes, and refuses it if it ends another and others passed', () => {
    const sending = new Sending(['a', 'bad', 'c']);
    sending.steps();
    sending.again();
    assert.deepEqual(sending.steps(), ['send a']);
    sending.landed('a');
    assert.deepEqual(sending.steps(), ['send bad']);
    sending.again();
    assert.deepEqual(sending.steps(), ['send c'], 'the others first');
    sending.landed('c');
    sending.probed();
    strike(sending, 'bad');
    sending.outbox.add(letter('d'));
    assert.deepEqual(sending.steps(), ['put off bad', 'send d']);
    assert.equal(sending.outbox.size, 1);
    sending.outbox.add(letter('bad'));
    sending.outbox.add(letter('e'));
    assert.deepEqual(sending.steps(), [], 'it goes alone');
    sending.landed('d');
    strike(sending, 'bad');
    assert.deepEqual(sending.steps(), ['refuse bad', 'send e']);
  });

  it('refuses nobody while nothing else passes: a queue may be full', () => {
    const sending = new Sending();
    for (let round = 0; round < 5; round += 1) {
      for (const id of ['a', 'b']) {
        sending.outbox.add(letter(id));
        strike(sending, id, round === 0 ? 2 : 1);
        assert.deepEqual(sending.steps(), [`put off ${id}`]);
      }
    }
    for (const id of ['a', 'b']) sending.outbox.add(letter(id));
    assert.deepEqual(sending.steps(), ['send a']);
    sending.landed('a');
    assert.deepEqual(sending.steps(), ['send b']);
    sending.landed('b');
    sending.outbox.add(letter('b'));
    strike(sending, 'b', 2);
    assert.deepEqual(sending.steps(), ['put off b'], 'what has passed begins anew');
  });

  it('has as much patience as it is told, for one that fails now and then', () => {
    const sending = new Sending([], { patience: 3 });
    sending.outbox.add(letter('bad'));
    strike(sending, 'bad', 2);
    for (let times = 0; times < 3; times += 1) {
      assert.deepEqual(sending.steps(), ['put off bad']);
      sending.outbox.add(letter('other'));
      sending.steps();
      sending.landed('other');
      sending.outbox.add(letter('bad'));
      strike(sending, 'bad');
    }
    assert.deepEqual(sending.steps(), ['refuse bad']);
  });

  it('takes nobody to be the cause where a message that was charged is taken after all: a queue may be at its limit', () => {
    const sending = new Sending();
    for (let round = 0; round < 5; round += 1) {
      for (const id of ['a', 'b']) {
        sending.outbox.add(letter(id));
        strike(sending, id, round === 0 ? 2 : 1);
        assert.deepEqual(sending.steps(), [`put off ${id}`]);
      }
      sending.outbox.add(letter('c'));
      assert.deepEqual(sending.steps(), ['send c']);
      sending.again();
      sending.probed();
      assert.deepEqual(sending.steps(), ['send c']);
      sending.landed('c');
    }
  });

  it('does not take a guess for what the broker answers', () => {
    const sending = new Sending(['a']);
    assert.deepEqual(sending.steps(), ['send a']);
    sending.outbox.connectionEnded('told');
    sending.probed();
    strike(sending, 'a', 2);
    assert.deepEqual(sending.steps(), ['put off a']);
  });

  it('believes what the broker answers to a message after three times', () => {
    const sending = new Sending(['bad']);
    for (let times = 1; times <= 3; times += 1) {
      assert.deepEqual(sending.steps(), ['send bad']);
      sending.outbox.connectionEnded('told');
      sending.probed();
    }
    assert.deepEqual(sending.steps(), ['refuse bad']);
  });

  it('forgives when the probe does not pass either', () => {
    const sending = new Sending(['a']);
    for (let round = 0; round < 5; round += 1) {
      assert.deepEqual(sending.steps(), ['send a']);
      sending.again();
      assert.deepEqual(sending.steps(), ['probe']);
      sending.again();
    }
  });

  it('forgives when the broker is not there again at once, each time anew', () => {
    const sending = new Sending(['a']);
    assert.deepEqual(sending.steps(), ['send a']);
    sending.again();
    assert.deepEqual(sending.steps(), ['probe'], 'it was there again');
    // Too late: this connection could be made.
    sending.outbox.unreachable('b');
    sending.outbox.probePassed();
    for (let round = 0; round < 3; round += 1) {
      assert.deepEqual(sending.steps(), ['send a']);
      sending.outbox.connectionEnded('guessed');
      sending.outbox.unreachable('b');
      sending.outbox.unreachable('b');
      sending.outbox.begin('b', undefined);
      sending.probed();
    }
    strike(sending, 'a');
    assert.deepEqual(sending.steps(), ['put off a']);
  });

  it('asks of several brokers whether that one is there again', () => {
    const sending = new Sending(['a']);
    assert.deepEqual(sending.steps(), ['send a']);
    sending.again('guessed', 'c');
    assert.deepEqual(sending.steps(), ['send a'], 'of b nothing is known yet');
    sending.outbox.connectionEnded('guessed');
    sending.outbox.unreachable('b');
    sending.outbox.begin('c', undefined);
    sending.probed('c was there again, b was not');
    assert.deepEqual(sending.steps(), ['send a']);
    sending.again('guessed', 'b');
    sending.again('nobody', 'c');
    sending.probed();
    assert.deepEqual(sending.steps(), ['put off a']);
  });

  it("charges nobody with an end that is nobody's fault", () => {
    const sending = new Sending(['a']);
    for (let round = 0; round < 5; round += 1) {
      assert.deepEqual(sending.steps(), ['send a']);
      sending.again('nobody');
    }
  });

  it('forgets that it sent what was given back', () => {
    const sending = new Sending(['a', 'b', 'c'], { window: 2 });
    assert.deepEqual(sending.steps(), ['send a', 'send b']);
    sending.outbox.returned();
    assert.deepEqual(sending.steps(), ['send a', 'send b']);
    sending.again();
    assert.deepEqual(sending.steps(), ['send a']);
    sending.outbox.returned();
    assert.deepEqual(sending.steps(), ['send a'], 'alone, as before');
    assert.equal(sending.outbox.size, 3);
  });

  it('charges nobody while an abandoned one is in flight too', () => {
    const sending = new Sending(['a', 'b']);
    sending.steps();
    const [a] = sending.outbox.letters();
    sending.outbox.abandon(a!);
    assert.equal(sending.outbox.size, 1);
    sending.outbox.connectionEnded('guessed');
    assert.deepEqual(sending.steps(), ['send b']);
  });

  it('does not send again what was abandoned, wherever it is', () => {
    const sending = new Sending(['a', 'b', 'c'], { window: 2 });
    sending.steps();
    const [a, b, c] = sending.outbox.letters();
    sending.outbox.abandon(a!);
    sending.outbox.connectionEnded('guessed');
    sending.outbox.abandon(b!);
    sending.outbox.abandon(c!);
    assert.deepEqual(sending.steps(), []);
    assert.equal(sending.outbox.size, 0);
  });

  it('goes on when the one that was probed for is abandoned', () => {
    const sending = new Sending(['a', 'b']);
    const [a] = sending.outbox.letters();
    assert.equal(sending.outbox.next()?.type, 'send');
    sending.again();
    assert.deepEqual(sending.steps(), ['probe']);
    sending.outbox.abandon(a!);
    assert.deepEqual(sending.steps(), []);
    sending.outbox.probePassed();
    assert.deepEqual(sending.steps(), ['send b']);
  });
});

const isBad = ({ message }: Letter): boolean => message.id.startsWith('bad');

it('confirms every message and refuses only bad ones, whatever a broker does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 12 }),
      fc.infiniteStream(fc.nat(9)),
      fc.integer({ min: 1, max: 5 }),
      (bad, chance, window) => {
        const outbox = new Outbox<Letter>({ window, byteBudget: 1000, patience: 1 });
        const letters = bad.map((ends, index) => letter(`${ends ? 'bad' : 'good'} ${index}`));
        for (const each of letters) outbox.add(each);
        const inFlight = new Set<Letter>();
        const settled = new Set<string>();
        let expected = letters.length;
        // Whoever sends it comes again, and others come.
        const putOff = ({ message: { id } }: Letter): void => {
          for (const each of [id, `good ${expected}`]) outbox.add(letter(each));
          expected += 1;
        };
        const end = (charge: Charge): void => {
          inFlight.clear();
          outbox.connectionEnded(charge);
          outbox.begin('b', undefined);
        };
        for (let round = 0; outbox.size > 0; round += 1) {
          assert.ok(round < 1000, 'it comes to an end');
          for (let step = outbox.next(); step; step = outbox.next()) {
            if (step.type === 'probe') outbox.probePassed();
            else if (step.type === 'send') inFlight.add(step.letter);
            else {
              assert.ok(isBad(step.letter));
              if (step.type === 'refuse') settled.add(step.letter.message.id);
              else putOff(step.letter);
            }
          }
          assert.ok(inFlight.size <= window);
          const [first] = inFlight;
          if (!first) continue;
          // A bad message ends the connection; now and then the broker is silent for reasons of its own.
          if (chance.next().value === 0) end('nobody');
          else if ([...inFlight].some(isBad)) end('guessed');
          else {
            inFlight.delete(first);
            settled.add(first.message.id);
            outbox.landed(first);
          }
        }
        assert.equal(settled.size, expected);
      },
    ),
  );
});

describe('a broker that says how much it takes', () => {
  it('is not sent what is larger: a probe shows that it is well, and the message is refused', () => {
    const { outbox } = new Sending();
    const [small, large, larger] = [letter('small', 5), letter('large', 50), letter('larger', 500)];
    for (const each of [small, large, larger]) outbox.add(each);
    outbox.begin('b', 10);
    assert.deepEqual(outbox.next(), { type: 'send', letter: small, again: false });
    assert.deepEqual(outbox.next(), { type: 'probe' });
    assert.equal(outbox.next(), undefined);
    outbox.probePassed();
    assert.deepEqual(outbox.next(), { type: 'refuse', letter: large, limit: 10 });
    assert.deepEqual(outbox.next(), { type: 'refuse', letter: larger, limit: 10 });
    assert.equal(outbox.next(), undefined);
    assert.equal(outbox.size, 1);
  });

  it('is asked again on the connection to another', () => {
    const sending = new Sending();
    sending.outbox.add(letter('large', 50));
    sending.outbox.begin('b', 10);
    assert.deepEqual(sending.steps(), ['probe']);
    sending.outbox.connectionEnded('guessed');
    sending.outbox.begin('b', undefined);
    assert.deepEqual(sending.steps(), ['send large']);
  });
});
