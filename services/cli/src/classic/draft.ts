/** A preset in the making: values with their places, faults, warnings. */
import { closest, type Preset } from '@ssm/service-kit';
import type { IniFile } from '../ini/parse.js';
import { iniValue } from '../ini/value.js';
import { CLASSIC_KEYS } from './keys.js';

/** A value of the old file. */
export interface Found {
  readonly text: string;
  /** `FILE:LINE [section] key` */
  readonly place: string;
}

const MAXIMUM_SHOWN = 100;
/** Python 2 took what follows a blank and a semicolon for a comment; Python 3 does not. */
const LOOKS_LIKE_COMMENT = /\s[#;]/;

export class Draft {
  readonly file: string;
  readonly faults: string[] = [];
  readonly warnings: string[] = [];
  readonly #ini: IniFile;
  readonly #values = new Map<string, { readonly source: string; readonly raw: unknown }>();

  constructor(file: string, ini: IniFile) {
    this.file = file;
    this.#ini = ini;
    for (const { line, message } of ini.faults) this.faults.push(`${file}:${line}: ${message}`);
  }

  /** undefined: it is not there, or a fault was noted. */
  find(section: string, key: string): Found | undefined {
    const value = iniValue(this.#ini, section, key);
    if (value === undefined) return undefined;
    const place = `${this.file}:${value.line} [${section}] ${key}`;
    if ('text' in value) return { text: value.text, place };
    this.faults.push(`${place}: ${value.fault}`);
    return undefined;
  }

  /** Says that the file must have it, and what may be meant for it: its name in another section, or one like it that is no key. */
  require(section: string, key: string, why = ''): void {
    const entries = this.#ini.sections.get(section);
    // A fault was noted.
    if (entries !== undefined && (entries.has(key) || this.#ini.defaults.has(key))) return;
    const meant = [...this.#ini.sections].flatMap(([name, others]) =>
      [...others].flatMap(([each, { line }]) => (isMeant(section, key, name, each) ? [`[${name}] ${each} in line ${line}`] : [])),
    );
    const hint = meant.length === 0 ? '' : `; did you mean it with ${meant.join(' or ')}?`;
    this.faults.push(`${this.file}: [${section}] ${key}: is required${why}${hint}`);
  }

  set(key: string, raw: unknown, source: string): void {
    this.#values.set(key, { source, raw });
  }

  /** `secret`: the value is not shown. */
  refuse({ text, place }: Found, allowed: string, secret = false): void {
    const cut = text.length > MAXIMUM_SHOWN ? `${text.slice(0, MAXIMUM_SHOWN)}...` : text;
    const hint = LOOKS_LIKE_COMMENT.test(text) ? '. A comment needs a line of its own' : '';
    this.faults.push(`${place}: ${secret ? 'the value (not shown)' : JSON.stringify(cut)} is not allowed; allowed: ${allowed}${hint}`);
  }

  finish(): Preset {
    return { values: this.#values, faults: this.faults, warnings: this.warnings };
  }
}

function isMeant(section: string, key: string, otherSection: string, other: string): boolean {
  const isKey = CLASSIC_KEYS.some((each) => each.section === otherSection && each.key === other);
  return !isKey && (other === key || (otherSection === section && closest(other, [key]) !== undefined));
}
