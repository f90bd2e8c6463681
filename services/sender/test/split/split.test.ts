import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { SenderError } from '../../src/errors.js';
import { recordsOf } from '../../src/split/records.js';
import { partDeliveryId, split } from '../../src/split/split.js';

const SAMPLES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../../../test/samples');
const SIGNED = { recipients: 0, transferEncoding: 'auto' } as const;
/** Nothing but the size of the body counts. */
const upTo = (body: number): { readonly body: number; readonly message: number } => ({ body, message: Number.MAX_SAFE_INTEGER });

interface Taken {
  readonly head: string;
  readonly middle: string;
  readonly tail: string;
  readonly count: number;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** A file taken apart; throws when it is no list of records. */
async function takeApart(body: Uint8Array): Promise<Taken> {
  const records = await recordsOf(body);
  assert.ok(!('reason' in records), 'reason' in records ? records.reason : '');
  const { head, ends, tail } = records;
  const middle = latin1(body).slice(head.length, body.length - tail.length);
  return { head: latin1(head), tail: latin1(tail), middle, count: ends.length };
}

async function reasonOf(body: string | Uint8Array): Promise<string> {
  const records = await recordsOf(Buffer.from(body));
  return 'reason' in records ? records.reason : '';
}

/** Splits, and proves of the parts what must hold of any. */
async function splitAndProve(body: Uint8Array, limit: number): Promise<string[]> {
  const whole = await takeApart(body);
  const parts = await split(body, upTo(limit), SIGNED);
  assert.ok(parts);
  const bodies = Array.from({ length: parts.count }, (_, index) => parts.body(index));
  const taken = await Promise.all(bodies.map(takeApart));
  for (const [index, part] of taken.entries()) {
    assert.ok(bodies[index]!.length <= limit);
    assert.equal(part.head, whole.head);
    assert.equal(part.tail, whole.tail);
    assert.ok(part.count > 0);
  }
  // What the parts hold together is what the whole holds, byte for byte and in its order.
  assert.equal(taken.map(({ middle }) => middle).join(''), whole.middle);
  assert.equal(
    taken.reduce((sum, { count }) => sum + count, 0),
    whole.count,
  );
  return taken.map(({ middle }) => middle);
}

const refuses = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof SenderError && error.code === code && text.test(error.message);

describe('records of text', () => {
  const value = fc.string({ unit: fc.constantFrom('a', 'b', ':', ' ', '%', '/', '=', '\u00fc', '\t'), maxLength: 30 });
  const record = fc.record({
    lines: fc.array(value, { maxLength: 4 }),
    id: fc.nat(),
    eol: fc.constantFrom('\n', '\r\n'),
    blank: fc.boolean(),
  });

  it('are what they were, however a file is split', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 2, maxLength: 40 }),
        fc.boolean(),
        fc.integer({ min: 400, max: 1200 }),
        async (list, closed, limit) => {
          const texts = list.map(
            ({ lines, id, eol, blank }) => `${blank ? eol : ''}Id: ${id}${eol}${lines.map((line) => `X:${line}${eol}`).join('')}`,
          );
          const body = Buffer.from(`APEL-individual-job-message: v0.3\n${texts.join('%%\n')}${closed ? '%%\n' : ''}`);
          fc.pre(body.length > limit);
          const middles = await splitAndProve(body, limit);
          // A part ends only where a record ends.
          for (const middle of middles.slice(0, -1)) assert.match(middle, /\n%%\r?\n$/);
          assert.equal((await takeApart(body)).count, list.length);
        },
      ),
    );
  });

  it('of every sample are found', async () => {
    const counts: Record<string, number> = {};
    for (const name of readdirSync(SAMPLES).filter((each) => each.endsWith('.txt')))
      counts[name] = (await takeApart(readFileSync(path.join(SAMPLES, name)))).count;
    assert.deepEqual(counts, { 'cloud-records.txt': 1, 'job-records.txt': 2, 'summary-records.txt': 1 });
  });

  it('may be blank, unclosed, or have %% in a line', async () => {
    const head = 'APEL-cloud-message: v0.4\n';
    assert.equal((await takeApart(Buffer.from(`${head}a: 1\n%%\n%%\n\n%%\nb: 2\n%%\n \n`))).count, 2);
    assert.equal((await takeApart(Buffer.from(`${head}a: 1\n%%\nb: 2`))).count, 2);
    assert.equal((await takeApart(Buffer.from(`${head}a: 100%%\n %%\n%%%\n%%\nb: 2\n%%`))).count, 2);
    assert.equal((await takeApart(Buffer.from(head))).count, 1);
  });

  it('are not looked for without the header line', async () => {
    for (const body of [
      '',
      'a: 1\n%%\n',
      ' APEL-cloud-message: v0.4\na\n%%\n',
      '\ufeffAPEL-cloud-message: v0.4\n',
      'APEL-cloud-message: v0.4',
      '{"a":1}',
    ])
      assert.match(await reasonOf(body), /neither with an APEL header line nor with XML/);
  });
});

const NAMESPACES = 'xmlns:sr="http://eu-emi.eu/namespaces/2011/02/storagerecord" xmlns="urn:x"';
const list = (middle: string, attributes = NAMESPACES): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by a test -->\n<sr:StorageUsageRecords ${attributes}>${middle}\n</sr:StorageUsageRecords>\n<!-- end -->\n`;
const one = (content: string, id = 0): string => `<sr:StorageUsageRecord sr:id="${id}">${content}</sr:StorageUsageRecord>`;

describe('records of XML', () => {
  const content = fc.constantFrom(
    'text &amp; more',
    '<![CDATA[ </sr:StorageUsageRecord> <sr:StorageUsageRecord> ]] ]>]]>',
    '<!-- </sr:StorageUsageRecord> -->',
    '<?pi </sr:StorageUsageRecord> ?>',
    '<a b="</sr:StorageUsageRecord>" />'.replace('</', '&lt;/'),
    `<a b='x > y' c="'" ><sr:StorageUsageRecord/></a >`,
    '<sr:StorageUsageRecord>nested<b/></sr:StorageUsageRecord>',
    'Zürich 𝄞',
    '\r\n\t',
    ']]',
  );
  const between = fc.constantFrom('', '\n', '  ', '<!-- <sr:StorageUsageRecord> -->', '<?pi?>', '\r\n\r\n');

  it('are what they were, however a file is split', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ contents: fc.array(content, { maxLength: 6 }), before: between }), { minLength: 2, maxLength: 30 }),
        fc.integer({ min: 900, max: 3000 }),
        async (records, limit) => {
          const texts = records.map(({ contents, before }, index) => before + one(contents.join(''), index));
          const body = Buffer.from(list(texts.join('')));
          fc.pre(body.length > limit);
          const middles = await splitAndProve(body, limit);
          assert.equal(middles.join(''), Buffer.from(texts.join('')).toString('latin1'));
          assert.equal((await takeApart(body)).count, records.length);
        },
      ),
    );
  });

  it('of the sample, of usage records, and with other prefixes or none are found', async () => {
    assert.equal((await takeApart(readFileSync(path.join(SAMPLES, 'storage-records.xml')))).count, 1);
    const found: readonly [string, number][] = [
      ['<UsageRecords><UsageRecord/><UsageRecord a="1"></UsageRecord></UsageRecords>', 2],
      ['\ufeff<urf:UsageRecords xmlns:urf="u"><urf:JobUsageRecord>x</urf:JobUsageRecord></urf:UsageRecords>', 1],
      ['<?xml version="1.0" encoding="us-ascii" ?><x:SummaryRecords xsi:schemaLocation="a b"><x:SummaryRecord/>\n</x:SummaryRecords>', 1],
      [`<UsageRecords>${'<UsageRecord/>'.repeat(1000)}</UsageRecords>`, 1000],
    ];
    for (const [text, count] of found) assert.equal((await takeApart(Buffer.from(text))).count, count, text.slice(0, 80));
  });

  const refused: readonly [string, string | Uint8Array, RegExp][] = [
    ['another encoding', list(one('')).replace('UTF-8', 'ISO-8859-1'), /encoding is ISO-8859-1/],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from('<UsageRecords><UsageRecord>'), Buffer.from([0xe4])]), /not in UTF-8/],
    ['UTF-16', Buffer.from('<UsageRecords/>', 'utf16le'), /not in UTF-8/],
    ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${list(one('')).slice(39)}`, /document type/],
    ['no records', list(''), /has no records/],
    ['an unknown root', '<Records><Record/></Records>', /not a list of records that is known/],
    ['something else among the records', list(`${one('')}<sr:Other/>`), /has a sr:Other among/],
    ['text among the records', list(`${one('')}text`), /text between/],
    ['CDATA among the records', list(`${one('')}<![CDATA[x]]>`), /text between/],
    ['a count', list(one(''), 'count="1"'), /attribute count/],
    ['tags that do not match', list('<sr:StorageUsageRecord><a></b></sr:StorageUsageRecord>'), /do not match/],
    ['a record that is not closed', list('<sr:StorageUsageRecord>'), /do not match/],
    ['a list that is not closed', list(one('')).replace('</sr:StorageUsageRecords>', ''), /not closed/],
    ['a second root', `${list(one(''))}<a/>`, /goes on behind its end/],
    ['text behind the end', `${list(one(''))}text`, /text between/],
    ['a comment without an end', list('<!-- '), /comment is malformed/],
    ['a comment with two hyphens', list(`<!-- a -- b -->${one('')}`), /comment is malformed/],
    ['CDATA without an end', list('<sr:StorageUsageRecord><![CDATA['), /has no end/],
    ['a declaration in the middle', list(`<?xml version="1.0"?>${one('')}`), /in the middle/],
    ['an attribute without quotes', list('<sr:StorageUsageRecord a=1/>'), /tag is malformed/],
    ['a < in an attribute', list('<sr:StorageUsageRecord a="<"/>'), /tag is malformed/],
    ['a lone <', list(one('a < b')), /tag is malformed/],
    ['an endless tag', list(`<sr:StorageUsageRecord a="${'x'.repeat(70_000)}"/>`), /too long/],
    ['nesting without an end', list(one('<a>'.repeat(100))), /nested too deeply/],
    ['HTML', '<html><body></body></html>', /not a list/],
  ];
  for (const [what, text, reason] of refused)
    it(`are not split with ${what}`, async () => {
      assert.match(await reasonOf(text), reason);
    });

  it('are never split wrongly, whatever the bytes', async () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '/',
      '"',
      "'",
      '=',
      '!',
      '-',
      '[',
      ']',
      '?',
      'CDATA',
      'a',
      ' ',
      'UsageRecord',
      'UsageRecords',
      '<UsageRecord>',
      '</UsageRecord>',
      '<!--',
      '-->',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 40 }), async (noise) => {
        const text = `<UsageRecords><UsageRecord>1</UsageRecord>${noise.join('')}<UsageRecord>2</UsageRecord></UsageRecords>`;
        const records = await recordsOf(Buffer.from(text));
        if ('reason' in records) return;
        for (const end of records.ends) assert.match(text.slice(0, end), /(?:<\/UsageRecord\s*>|\/>)$/);
        assert.equal(Buffer.from(records.tail).toString(), '</UsageRecords>');
      }),
      { numRuns: 2000 },
    );
  });
});

const summaries = (count: number, bytes = 100): Buffer =>
  Buffer.from(
    `APEL-summary-job-message: v0.2\n${Array.from({ length: count }, (_, index) => `N: ${index}\nX: ${'x'.repeat(bytes)}\n%%\n`).join('')}`,
  );

describe('splitting', () => {
  it('leaves alone what fits', async () => {
    assert.equal(await split(summaries(10), upTo(10_000), SIGNED), undefined);
    assert.equal(await split(Buffer.from('anything'), upTo(8), SIGNED), undefined);
  });

  it('makes as few parts as it can, always the same', async () => {
    const body = summaries(100);
    const [first, second] = [await split(body, upTo(3000), SIGNED), await split(Uint8Array.from(body), upTo(3000), SIGNED)];
    assert.ok(first);
    assert.equal(first.count, Math.ceil(100 / Math.floor((3000 - 31) / (body.length / 100))));
    for (let index = 0; index < first.count; index += 1) assert.deepEqual(first.body(index), second?.body(index));
  });

  it('names what it cannot split', async () => {
    await assert.rejects(
      () => split(Buffer.alloc(100, 'x'), upTo(10), SIGNED),
      refuses('not-splittable', /of 100 bytes is too large, and cannot be split/),
    );
    await assert.rejects(
      () => split(summaries(3, 500), upTo(400), SIGNED),
      refuses('not-splittable', /record 1 of the file has 5\d\d bytes, which alone/),
    );
    await assert.rejects(() => split(summaries(20_000, 1), upTo(50), SIGNED), refuses('not-splittable', /more than 10000 messages/));
  });

  it('takes time in proportion to the bytes, whatever is between the records', async () => {
    const head = 'APEL-cloud-message: v0.4\n';
    const begin = performance.now();
    assert.equal((await takeApart(Buffer.from(head + '%%\n'.repeat(100_000)))).count, 1);
    const took = performance.now() - begin;
    assert.ok(took < 3000, `${took} ms for 300 kB`);
  });

  it('leaves the event loop free, also when a line or a record is huge', async () => {
    const head = 'APEL-cloud-message: v0.4\n';
    for (const line of [' '.repeat(40_000_000), 'x'.repeat(40_000_000)]) {
      const body = Buffer.from(`${head}${line}\n%%\n`);
      let turns = 0;
      const turn = (): void => {
        turns += 1;
        timer = setImmediate(turn);
      };
      let timer = setImmediate(turn);
      await assert.rejects(split(body, upTo(30_000_000), SIGNED), refuses('not-splittable', /record 1 of the file has/));
      clearImmediate(timer);
      assert.ok(turns >= 4, `${turns} turns`);
    }
  });

  it('finds separators only where a line begins, however long it is', async () => {
    const head = 'APEL-cloud-message: v0.4\n';
    for (const length of [65_535, 65_536, 65_537, 131_072]) {
      const body = Buffer.from(`${head}${'x'.repeat(length)}%%\n${' '.repeat(length)}%%\n%%\n${'\t'.repeat(length)}\n%%\ny\n%%`);
      const { count, middle } = await takeApart(body);
      assert.deepEqual([count, middle.length], [2, body.length - head.length]);
    }
  });

  it('gives each part an id of its own that is the same every time', async () => {
    const ids = [0, 1, 2].map((index) => partDeliveryId('abc', index));
    assert.equal(new Set([...ids, partDeliveryId('abd', 0)]).size, 4);
    assert.deepEqual(
      ids,
      [0, 1, 2].map((index) => partDeliveryId('abc', index)),
    );
    assert.match(ids[0]!, /^[0-9a-f]{64}$/);
  });
});
