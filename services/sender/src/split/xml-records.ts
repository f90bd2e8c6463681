import { isUtf8 } from 'node:buffer';
import { Breath } from './breath.js';
import { MAXIMUM_RECORDS, type NoRecords, type Records } from './record-list.js';
import { type XmlPiece, XmlRefusal, XmlScanner } from './xml-scanner.js';

/** Lists of records, by the local name of the root, and what they are lists of: StAR, UR and its aggregations, CAR. */
const LISTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['StorageUsageRecords', ['StorageUsageRecord']],
  ['UsageRecords', ['UsageRecord', 'JobUsageRecord']],
  ['SummaryRecords', ['SummaryRecord']],
]);

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const MAXIMUM_DEPTH = 64;
const MAXIMUM_DECLARATION = 1024;
/** An attribute that says nothing about what is in the list. */
const HARMLESS_ATTRIBUTE = /^xmlns(?::|$)|^xml:|(?:^|:)(?:noNamespaceS|s)chemaLocation$/;

/** Records of XML. undefined: no XML. */
export async function xmlRecords(body: Buffer): Promise<Records | NoRecords | undefined> {
  const start = body.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
  if (!/^\s*</.test(body.subarray(start, start + MAXIMUM_DECLARATION).toString('latin1'))) return undefined;
  if (!isUtf8(body) || body.includes(0)) return { reason: 'it is XML, but not in UTF-8' };
  try {
    return await new ListReader(body, start + declarationLength(body, start)).read();
  } catch (error) {
    if (error instanceof XmlRefusal) return { reason: `it is XML, but ${error.message}` };
    throw error;
  }
}

/** Of the declaration `<?xml version="1.0" encoding="UTF-8"?>`; 0 when there is none. Throws XmlRefusal for another encoding. */
function declarationLength(body: Buffer, start: number): number {
  const text = body.subarray(start, start + MAXIMUM_DECLARATION).toString('latin1');
  if (!/^<\?xml\s/.test(text)) return 0;
  const declaration = /^<\?xml\s[^?<>]*\?>/.exec(text)?.[0];
  if (declaration === undefined) throw new XmlRefusal('its declaration is malformed');
  const encoding = /\sencoding\s*=\s*["']([^"']*)["']/.exec(declaration)?.[1] ?? 'UTF-8';
  if (!/^(?:utf-8|us-ascii)$/i.test(encoding)) throw new XmlRefusal(`its encoding is ${encoding}`);
  return declaration.length;
}

const localName = (name: string): string => name.slice(name.lastIndexOf(':') + 1);

/** Goes through the whole text, so that nothing of it is sent before all of it is understood. */
class ListReader {
  readonly #body: Buffer;
  readonly #scanner: XmlScanner;
  readonly #open: string[] = [];
  readonly #ends: number[] = [];
  #records: readonly string[] = [];
  #headEnd: number | undefined;
  #isOver = false;

  constructor(body: Buffer, start: number) {
    this.#body = body;
    this.#scanner = new XmlScanner(body, start);
  }

  /** Throws XmlRefusal. */
  async read(): Promise<Records> {
    const breath = new Breath();
    for (let piece = this.#scanner.next(); piece !== undefined; piece = this.#scanner.next()) {
      this.#take(piece);
      if (breath.isDue) await breath.take();
    }
    const last = this.#ends.at(-1);
    if (!this.#isOver || this.#headEnd === undefined || last === undefined) throw new XmlRefusal('it is not closed, or has no records');
    return { head: this.#body.subarray(0, this.#headEnd), ends: this.#ends, tail: this.#body.subarray(last) };
  }

  #take(piece: XmlPiece): void {
    switch (piece.type) {
      case 'text':
        if (!piece.isBlank && this.#open.length < 2) throw new XmlRefusal('it has text between its records');
        break;
      case 'cdata':
        if (this.#open.length < 2) throw new XmlRefusal('it has text between its records');
        break;
      case 'start':
        this.#start(piece);
        break;
      case 'end':
        if (this.#open.pop() !== piece.name) throw new XmlRefusal('its tags do not match');
        this.#ended();
        break;
      case 'aside':
        break;
    }
  }

  #start({ name, attributes, isEmpty }: Extract<XmlPiece, { type: 'start' }>): void {
    if (this.#isOver) throw new XmlRefusal('it goes on behind its end');
    if (this.#open.length === 0) this.#root(name, attributes);
    else if (this.#open.length === 1 && !this.#records.includes(localName(name)))
      throw new XmlRefusal(`it has a ${name.slice(0, 100)} among its records`);
    if (this.#open.length >= MAXIMUM_DEPTH) throw new XmlRefusal('it is nested too deeply');
    this.#open.push(name);
    if (!isEmpty) return;
    this.#open.pop();
    this.#ended();
  }

  #root(name: string, attributes: readonly string[]): void {
    const records = LISTS.get(localName(name));
    if (records === undefined) throw new XmlRefusal(`a ${name.slice(0, 100)} is not a list of records that is known`);
    const telling = attributes.find((attribute) => !HARMLESS_ATTRIBUTE.test(attribute));
    // A count, for example, would be wrong in every part.
    if (telling !== undefined) throw new XmlRefusal(`the list has an attribute ${telling.slice(0, 100)}`);
    this.#records = records;
    this.#headEnd = this.#scanner.at;
  }

  #ended(): void {
    if (this.#open.length === 0) this.#isOver = true;
    if (this.#open.length !== 1) return;
    this.#ends.push(this.#scanner.at);
    if (this.#ends.length > MAXIMUM_RECORDS) throw new XmlRefusal(`it has more than ${MAXIMUM_RECORDS} records`);
  }
}
