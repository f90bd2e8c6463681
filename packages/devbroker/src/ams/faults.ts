/** What goes wrong with one request. */
export type AmsFault =
  /** This answer, and nothing is done. `headers` replace those of a JSON answer. */
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly body?: string | Buffer;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Late, but done. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Never answered. */
  | { readonly type: 'hang' }
  /** The connection ends: before anything is done; after it is done, unanswered; or in the middle of the answer. */
  | { readonly type: 'cut'; readonly when: 'before' | 'after' | 'within' }
  /** Of a list of messages only so many are published, then the server fails. */
  | { readonly type: 'publish-some'; readonly count: number }
  /** An answer that goes on for ever. */
  | { readonly type: 'endless'; readonly head: string };

export interface AmsFaultRule {
  /** `publish`, `pull`, `acknowledge`, `modifyAckDeadline`, `offsets`, `authx509`, `status`; absent: any. */
  readonly call?: string;
  /** How often; default once. */
  readonly times?: number;
  /** Only where it says yes. */
  readonly when?: (body: Buffer) => boolean;
  readonly fault: AmsFault;
}

/** The rules in force; the first that fits a request is used. */
export class AmsFaults {
  readonly #rules: { readonly rule: AmsFaultRule; left: number }[] = [];

  add(rule: AmsFaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  take(call: string, body: Buffer): AmsFault | undefined {
    const found = this.#rules.find(
      ({ rule, left }) => left > 0 && (rule.call === undefined || rule.call === call) && (rule.when?.(body) ?? true),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.rule.fault;
  }
}
