import { TransportError, type TransportErrorCode } from '../errors.js';
import { printable } from '../printable.js';
import type { HttpAnswer } from './http.js';

/** An answer other than 200. */
export class AnswerError extends TransportError {
  readonly status: number;
  readonly #retryAfterMs: number;

  constructor(code: TransportErrorCode, message: string, { status, retryAfterMs }: Pick<HttpAnswer, 'status' | 'retryAfterMs'>) {
    super(code, message);
    this.status = status;
    this.#retryAfterMs = retryAfterMs;
  }

  /** What the server asks to wait for, within reason. */
  static pause(error: unknown, maximumMs: number): number {
    return error instanceof AnswerError ? Math.min(error.#retryAfterMs, maximumMs) : 0;
  }
}

function codeOf(status: number): TransportErrorCode {
  if (status === 401 || status === 403) return 'unauthorised';
  if (status === 404 || status === 409) return 'resource-missing';
  return status >= 400 && status <= 599 ? 'broker-error' : 'protocol-error';
}

/** Bytes of a text that is no error of AMS, of which a line is shown: many more than that, as the end of them may be half of a token. */
const READ_BYTES = 64 * 1024;

function wordsOf({ body, status }: HttpAnswer, confidential: boolean): string {
  if (confidential && codeOf(status) === 'protocol-error') return '';
  try {
    const { error }: { error?: { message?: unknown } } = JSON.parse(body.toString());
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // A balancer in front may answer with a page of its own.
  }
  if (confidential) return '';
  return body.subarray(0, READ_BYTES).toString();
}

export interface ErrorContext {
  /** Should the server repeat it, it is left out. */
  readonly token?: string;
  /** What 400 and 404 mean for this call, where it is not as usual. */
  readonly refusal?: TransportErrorCode;
  /** An answer may hold a secret that is not known: nothing of it is shown but the words of an error. */
  readonly confidential?: boolean;
}

/** What the server says, in one line. */
export function answerError(name: string, answer: HttpAnswer, context: ErrorContext): AnswerError {
  const { confidential = false, refusal, token = '' } = context;
  const words = printable(wordsOf(answer, confidential), [token]);
  const { status } = answer;
  const redirected = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
  const code = refusal !== undefined && (status === 400 || status === 404) ? refusal : codeOf(status);
  return new AnswerError(code, `${name}: the server answers ${status}${redirected}${words === '' ? '' : `: ${words}`}`, answer);
}

/** This message or this request alone is not taken. */
export function isRefusal(error: unknown): error is AnswerError {
  return error instanceof AnswerError && (error.status === 400 || error.status === 413);
}

/** Too many requests: nothing is wrong with what is in them. */
export function isThrottled(error: unknown): boolean {
  return error instanceof AnswerError && error.status === 429;
}
