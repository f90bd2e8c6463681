/**
 * How a message's id travels as the attribute `empaid`. The server puts attribute values between quotes unescaped, so only plain characters
 * may be in them: an id of others goes as a prefix and its UTF-8 in base64url. So does one that begins with the prefix: every id comes back as it
 * was.
 */
const PREFIX = 'ssm.b64url.';
const PLAIN = /^[0-9A-Za-z/._-]*$/;

export function encodeEmpaId(id: string): string {
  return PLAIN.test(id) && !id.startsWith(PREFIX) ? id : `${PREFIX}${Buffer.from(id).toString('base64url')}`;
}

/** What is not exactly as we would write it is left alone. */
export function decodeEmpaId(attribute: string): string {
  if (!attribute.startsWith(PREFIX)) return attribute;
  const id = Buffer.from(attribute.slice(PREFIX.length), 'base64url').toString();
  return encodeEmpaId(id) === attribute ? id : attribute;
}
