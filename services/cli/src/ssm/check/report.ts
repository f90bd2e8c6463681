/** One line a check: what was looked at, how it is, and what to do where it is not well. */
import { textOf } from '../main.js';
import { adviceFor } from './advice.js';

export type State = 'ok' | 'warn' | 'FAIL' | 'skip';

export interface Finding {
  readonly what: string;
  readonly state: State;
  readonly detail: string;
  readonly advice?: string;
}

export const ok = (what: string, detail: string): Finding => ({ what, state: 'ok', detail });
export const warn = (what: string, detail: string, advice: string): Finding => ({ what, state: 'warn', detail, advice });
export const skip = (what: string, detail: string, advice: string): Finding => ({ what, state: 'skip', detail, advice });

export function fail(what: string, error: unknown): Finding {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { what, state: 'FAIL', detail: textOf(error), advice: adviceFor(code) };
}

/** Whatever it throws is a finding of its own. */
export async function look(what: string, work: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    return [fail(what, error)];
  }
}
