const LINE = 64;
const LF = 0x0a;

/** Base64 as a message has it, in lines of 64 characters: the quickest way that Node.js was seen to have. */
export function base64Lines(bytes: Buffer): Buffer {
  const text = Buffer.from(bytes.toString('base64'), 'latin1');
  const lines = Buffer.allocUnsafe(text.length + Math.ceil(text.length / LINE));
  let end = 0;
  for (let at = 0; at < text.length; at += LINE) {
    end += text.copy(lines, end, at, at + LINE);
    lines[end++] = LF;
  }
  return lines;
}
