import type { LogFields, Logger } from '@ssm/service-kit';
import type { Delivery } from '@ssm/transport';
import type { Opened, Result } from './pipeline.js';
import type { Refusal } from './refusal.js';
import type { Kept } from './reject-store.js';
import { isTwice } from './results.js';
import { empaIdText, harmless, signerText } from './text.js';

const MAXIMUM_DELIVERY_ID = 128;

/** One line for each message, of `wire` bytes: who sent what, and what became of it; never the body. */
export function audit(log: Logger, delivery: Delivery, wire: number, result: Result): void {
  const { broker, redelivered } = delivery;
  const fields = {
    id: empaIdText(delivery.empaId),
    result: result.outcome,
    bytes: wire,
    broker,
    redelivered,
    ...detailsOf(result),
  };
  if (result.outcome === 'rejected' || result.outcome === 'retry' || isTwice(result)) log.warn('message', fields);
  else log.info('message', fields);
}

function detailsOf(result: Result): LogFields {
  if (result.outcome === 'retry') return { component: result.trouble.component, code: result.trouble.code };
  const { acknowledged } = result;
  if (result.outcome === 'ping') return { acknowledged };
  if (result.outcome === 'rejected') return { ...refusalFields(result.refusal), ...keptFields(result.kept), acknowledged };
  const { alsoIn, opened } = result;
  const stored = result.outcome === 'stored' ? { element: result.element } : { firstStored: result.firstStored, volume: result.volume };
  return { ...openedFields(opened), ...stored, alsoIn, acknowledged };
}

function openedFields({ deliveryId, encrypted, signer, size }: Opened): LogFields {
  const id = deliveryId === undefined ? undefined : harmless(deliveryId, MAXIMUM_DELIVERY_ID);
  return { signer: signerText(signer.toString()), size, encrypted, deliveryId: id };
}

function refusalFields({ code, message, signer }: Omit<Refusal, 'body'>): LogFields {
  return { signer: signerText(signer), code, reason: message };
}

function keptFields(kept: Kept): LogFields {
  if (kept.outcome === 'kept') return { kept: 'whole', element: kept.element };
  return kept.outcome === 'known' ? { kept: 'before', firstStored: kept.firstStored } : { kept: kept.outcome };
}
