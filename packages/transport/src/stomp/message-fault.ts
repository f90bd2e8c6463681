import type { IncomingFrame } from './body.js';
import { acknowledgedBy, passesOnFrames } from './dialect.js';
import type { StompVersion } from './headers.js';

/** A broker's own id of a message is far shorter. It goes back with the ACK, and is in memory until that has its receipt. */
const MAX_ACK_ID_LENGTH = 4096;

/** Who receives it: what the broker said of itself, and the id of the subscription, if there is one. */
interface Receiving {
  readonly greeting: { readonly server: string; readonly version: StompVersion };
  readonly subscription: string | undefined;
}

/** Why a MESSAGE ends the connection; undefined: it is taken. */
export function faultOfMessage({ headers }: IncomingFrame, { greeting, subscription }: Receiving): string | undefined {
  // Receipts are waited for behind messages, so these would excuse that none ever comes.
  if (subscription === undefined) return 'a message, and nothing is subscribed to';
  if (passesOnFrames(greeting) && headers['subscription'] !== subscription) return 'a message that is not of our subscription';
  const name = acknowledgedBy(greeting);
  const { length } = String(headers[name] ?? '');
  return length > MAX_ACK_ID_LENGTH ? `a message whose header ${name} has ${length} characters` : undefined;
}
