import type { Settings } from './settings.js';

/** The text of `--help`: use, options with their defaults and variables, exit codes. */
export function renderHelp(_service: { readonly name: string; readonly version: string }, _settings: Settings): string {
  throw new Error('not built');
}
