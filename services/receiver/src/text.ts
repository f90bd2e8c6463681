import { hexEscaped } from '@ssm/service-kit';

/** The header of a message that only says that its sender is there. */
export const PING = 'ping';
/** What is stored for a message without an id. */
export const NO_ID = 'noid';
/** Characters of an id that are stored and logged; the ids of all known senders are far shorter. */
const MAXIMUM_ID = 256;
/** Characters of a DN that are logged. */
const MAXIMUM_SIGNER = 1000;

/**
 * The text that is stored and logged for an empa-id header. The header is not signed: whoever reaches the broker chooses it, and it is
 * never part of a path.
 */
export function empaIdText(header: string | undefined): string {
  return header === undefined || header === '' ? NO_ID : harmless(header, MAXIMUM_ID);
}

/** The text that is logged for a DN: anybody can make a certificate with a name of many kilobytes. */
export function signerText(signer: string | undefined): string | undefined {
  return signer === undefined ? undefined : harmless(signer, MAXIMUM_SIGNER);
}

/** At most this many UTF-16 units of it, none of which moves a cursor, ends a line, or turns the direction of a text. */
export function harmless(text: string, maximum: number): string {
  return `${hexEscaped(text.slice(0, maximum))}${text.length > maximum ? '...' : ''}`;
}
