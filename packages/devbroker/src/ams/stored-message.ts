import { internal } from './api-error.js';

/** A message as a publisher sends it. */
export interface NewMessage {
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface StoredMessage extends NewMessage {
  readonly publishTime: string;
}

/** AMS writes attribute values between quotes and does not escape them: a value with a quote in it makes the whole message unreadable. */
function attributesText(attributes: NewMessage['attributes']): string {
  const keys = Object.keys(attributes).toSorted();
  return `{${keys.map((key) => `"${key}":"${attributes[key]}"`).join(', ')}}`;
}

/** What goes to the store: a JSON text, or nothing where AMS fails to make one and does not notice. */
export function encodeStored({ data, attributes }: NewMessage, messageId: string, publishTime: string): string {
  const rest = JSON.stringify({ data, publishTime });
  const text = `{"messageId":"${messageId}","attributes":${attributesText(attributes)},${rest.slice(1)}`;
  return isJson(text) ? text : '';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Throws ApiError 500 for a message that was spoilt when it was published. */
export function decodeStored(text: string): StoredMessage {
  if (text === '') throw internal('Message retrieved from broker network has invalid JSON Structure');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by encodeStored()
  return JSON.parse(text) as StoredMessage;
}
