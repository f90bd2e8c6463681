/** One piece of an XML text after the other. It knows as much of XML as is needed not to be misled; whatever else it meets it refuses. */

export type XmlPiece =
  | { readonly type: 'text'; readonly isBlank: boolean }
  | { readonly type: 'start'; readonly name: string; readonly attributes: readonly string[]; readonly isEmpty: boolean }
  | { readonly type: 'end'; readonly name: string }
  | { readonly type: 'cdata' }
  /** Comments and processing instructions. */
  | { readonly type: 'aside' };

export class XmlRefusal extends Error {
  override readonly name = 'XmlRefusal';
}

const MAXIMUM_TAG = 64 * 1024;
const LESS = 0x3c;
const GREATER = 0x3e;
const SLASH = 0x2f;
const EXCLAMATION = 0x21;
const QUESTION = 0x3f;
const COMMENT = Buffer.from('<!--');
const CDATA = Buffer.from('<![CDATA[');
const NAME = /[A-Za-z_:\u0080-\u00ff][-A-Za-z0-9._:\u0080-\u00ff]*/y;
const ATTRIBUTE = /\s+([A-Za-z_:\u0080-\u00ff][-A-Za-z0-9._:\u0080-\u00ff]*)\s*=\s*(?:"[^"<]*"|'[^'<]*')/y;
const CLOSE = /\s*(\/?)>/y;

export class XmlScanner {
  readonly #body: Buffer;
  #at: number;

  constructor(body: Buffer, start: number) {
    this.#body = body;
    this.#at = start;
  }

  /** Behind the last piece. */
  get at(): number {
    return this.#at;
  }

  /** undefined: the end. Throws XmlRefusal. */
  next(): XmlPiece | undefined {
    if (this.#at >= this.#body.length) return undefined;
    if (this.#body[this.#at] !== LESS) return this.#text();
    const second = this.#body[this.#at + 1];
    if (second === EXCLAMATION) return this.#declaration();
    return second === QUESTION ? this.#instruction() : this.#tag(second === SLASH);
  }

  #declaration(): XmlPiece {
    if (this.#startsWith(COMMENT)) return this.#comment();
    if (this.#startsWith(CDATA)) return this.#until(']]>', { type: 'cdata' });
    throw new XmlRefusal('it has a document type');
  }

  #startsWith(mark: Buffer): boolean {
    return this.#body.subarray(this.#at, this.#at + mark.length).equals(mark);
  }

  #text(): XmlPiece {
    const found = this.#body.indexOf(LESS, this.#at);
    const end = found === -1 ? this.#body.length : found;
    let isBlank = true;
    for (let at = this.#at; at < end && isBlank; at += 1) {
      const byte = this.#body[at];
      isBlank = byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
    }
    this.#at = end;
    return { type: 'text', isBlank };
  }

  #until(mark: string, piece: XmlPiece): XmlPiece {
    const end = this.#body.indexOf(mark, this.#at);
    if (end === -1) throw new XmlRefusal('a comment, an instruction or a CDATA section has no end');
    this.#at = end + mark.length;
    return piece;
  }

  #comment(): XmlPiece {
    // Two hyphens end a comment, or are a fault (XML 1.0 section 2.5).
    const hyphens = this.#body.indexOf('--', this.#at + 4);
    if (hyphens === -1 || this.#body[hyphens + 2] !== GREATER) throw new XmlRefusal('a comment is malformed');
    this.#at = hyphens + 3;
    return { type: 'aside' };
  }

  #instruction(): XmlPiece {
    const target = this.#body.subarray(this.#at + 2, this.#at + 6).toString('latin1');
    if (/^xml[\s?]/i.test(target)) throw new XmlRefusal('an XML declaration is in the middle');
    return this.#until('?>', { type: 'aside' });
  }

  #tag(isEnd: boolean): XmlPiece {
    const start = this.#at + (isEnd ? 2 : 1);
    // Up to the first `>` in nearly every case; further where that is within a value.
    const first = this.#body.indexOf(GREATER, start) + 1;
    for (const end of [first, this.#at + MAXIMUM_TAG]) {
      const text = this.#body.toString('latin1', start, Math.min(end, this.#at + MAXIMUM_TAG));
      const found = isEnd ? endTag(text) : startTag(text);
      if (found === undefined) continue;
      this.#at = start + found.length;
      return found.piece;
    }
    throw new XmlRefusal('a tag is malformed, or too long');
  }
}

interface Tag {
  readonly piece: XmlPiece;
  readonly length: number;
}

function endTag(text: string): Tag | undefined {
  const name = match(NAME, text, 0)?.[0];
  const close = name === undefined ? undefined : match(CLOSE, text, name.length);
  if (name === undefined || close === undefined || close[1] !== '') return undefined;
  return { piece: { type: 'end', name }, length: name.length + close[0].length };
}

function startTag(text: string): Tag | undefined {
  const name = match(NAME, text, 0)?.[0];
  if (name === undefined) return undefined;
  const attributes: string[] = [];
  let at = name.length;
  for (let found = match(ATTRIBUTE, text, at); found !== undefined; found = match(ATTRIBUTE, text, at)) {
    attributes.push(found[1] ?? '');
    at += found[0].length;
  }
  const close = match(CLOSE, text, at);
  if (close === undefined) return undefined;
  return { piece: { type: 'start', name, attributes, isEmpty: close[1] === '/' }, length: at + close[0].length };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
