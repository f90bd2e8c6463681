import type { OpenedMessage } from '@ssm/empa';
import type { LogFields, Logger } from '@ssm/service-kit';
import type { Delivery } from '@ssm/transport';
import type { Result } from './pipeline.js';
import type { Refusal } from './refusal.js';
import type { Kept } from './reject-store.js';
import { wireBytes } from './results.js';
import { empaIdText, harmless } from './text.js';

const MAXIMUM_DELIVERY_ID = 128;
const MAXIMUM_SIGNER = 1000;

/** One line a message: who sent what, and what became of it; never the body. */
export function audit(log: Logger, delivery: Delivery, result: Result): void {
  const { broker, redelivered } = delivery;
  const fields = {
    id: empaIdText(delivery.empaId),
    result: result.outcome,
    bytes: wireBytes(delivery),
    broker,
    redelivered,
    ...detailsOf(result),
  };
  const isTwice = result.outcome === 'stored' && result.alsoIn !== undefined;
  if (result.outcome === 'rejected' || result.outcome === 'retry' || isTwice) log.warn('message', fields);
  else log.info('message', fields);
}

function detailsOf(result: Result): LogFields {
  if (result.outcome === 'retry') return { component: result.trouble.component, code: result.trouble.code };
  const { acknowledged } = result;
  if (result.outcome === 'ping') return { acknowledged };
  if (result.outcome === 'rejected') return { ...refusalFields(result.refusal), ...keptFields(result.kept), acknowledged };
  const { alsoIn, element, firstStored, volume } = {
    alsoIn: undefined,
    element: undefined,
    firstStored: undefined,
    volume: undefined,
    ...result,
  };
  return { ...openedFields(result.opened), element, alsoIn, firstStored, volume, acknowledged };
}

function openedFields({ body, deliveryId, encrypted, signer }: OpenedMessage): LogFields {
  const id = deliveryId === undefined ? undefined : harmless(deliveryId, MAXIMUM_DELIVERY_ID);
  return { signer: signerText(signer.toString()), size: body.length, encrypted, deliveryId: id };
}

/** Anybody can make a certificate with a name of megabytes. */
function signerText(signer: string | undefined): string | undefined {
  return signer === undefined ? undefined : harmless(signer, MAXIMUM_SIGNER);
}

function refusalFields({ code, message, signer }: Refusal): LogFields {
  return { signer: signerText(signer), code, reason: message };
}

function keptFields(kept: Kept): LogFields {
  if (kept.outcome === 'kept') return { kept: 'whole', element: kept.element };
  return kept.outcome === 'known' ? { kept: 'before', firstStored: kept.firstStored } : { kept: kept.outcome };
}
