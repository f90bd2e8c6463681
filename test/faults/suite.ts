import { after, describe, it } from 'node:test';
import { missingBroker, requireTools } from '@ssm/test-support';
import { progress } from '../stage/progress.js';
import { runApart } from './apart.js';
import { Fleet } from './fleet.js';
import { FAULTS } from './list.js';
import { runFault } from './run.js';
import { faultsFor, type Kind, paceOf, selection } from './selection.js';

/** No fault takes so long; one that hangs is ended. */
const LONGEST_MS = 900_000;

/** The tests of a file: the faults whose turn it is on brokers of that kind. */
export function faultsOn(kind: Kind): void {
  const selected = selection();
  const faults = faultsFor(kind, FAULTS, selected);
  const fleet = new Fleet(kind);
  const pace = paceOf(selected);
  const { seed } = selected;
  if (faults.length === 0) return;
  describe(`faults on ${kind}`, { skip: kind === 'devbroker' ? false : missingBroker(kind) }, () => {
    after(() => fleet.end());
    for (const fault of faults)
      it(fault.name, { timeout: LONGEST_MS, skip: requireTools(...(fault.tools ?? [])) }, async () => {
        progress(`${kind}: ${fault.name}`);
        if (fault.namespace === true) await runApart({ fault, kind, seed, pace });
        else await runFault({ fault, fleet, seed, pace });
      });
  });
}
