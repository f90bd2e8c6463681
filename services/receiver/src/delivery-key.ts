import { createHash } from 'node:crypto';
import type { OpenedMessage } from '@ssm/empa';

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * By what a message is known when it comes again: the signer with the delivery id that he signed, or with the empa-id where there is
 * none; and in both cases with the body. The body belongs to it because some writers use one id for ever, and because a Content-ID of a
 * foreign sender may be a constant: the same id with another body is another message, never a duplicate that would be dropped.
 * Returns 64 hexadecimal digits.
 */
export function deliveryKey(message: Pick<OpenedMessage, 'signer' | 'body' | 'deliveryId'>, empaId: string | undefined): string {
  const signer = message.signer.rdns.map((rdn) => rdn.map(({ type, value }) => [type, value]));
  const id = message.deliveryId === undefined ? ['empa-id', empaId ?? ''] : ['delivery-id', message.deliveryId];
  return sha256(JSON.stringify([...id, signer, sha256(message.body)]));
}
