/** What a running service says of itself over HTTP. It is believed no more than any other peer. */

export const PATIENCE_MS = 5_000;
const MAXIMUM_BYTES = 4 * 1024 * 1024;

export interface Sample {
  readonly name: string;
  /** `result="sent"`, or empty. */
  readonly labels: string;
  readonly value: number;
}

export interface ServiceState {
  readonly service: string;
  readonly version: string;
  readonly live: boolean;
  /** Why it is not alive. */
  readonly reason: string;
  readonly ready: boolean;
  readonly components: Readonly<Record<string, { readonly ready: boolean; readonly reason?: string }>>;
  readonly metrics: readonly Sample[];
}

/** Rejects when nobody answers, or it is no service of SSM. */
export async function readOps(url: string): Promise<ServiceState> {
  const [live, ready, metrics] = await Promise.all(['/health/live', '/health/ready', '/metrics'].map((page) => get(`${url}${page}`)));
  const { live: isLive, reason } = record(live);
  const { ready: isReady, components } = record(ready);
  if (typeof isLive !== 'boolean' || typeof isReady !== 'boolean') throw new Error('what answers there is no service of SSM');
  const samples = samplesOf(metrics ?? '');
  const info = samples.find(({ name }) => name === 'ssm_build_info')?.labels ?? '';
  return {
    service: labelOf(info, 'service') ?? 'service',
    version: labelOf(info, 'version') ?? '(unknown version)',
    live: isLive,
    reason: typeof reason === 'string' ? reason : '',
    ready: isReady,
    components: Object.fromEntries(
      Object.entries(record(JSON.stringify(components ?? {}))).map(([name, state]) => [name, componentOf(state)]),
    ),
    metrics: samples,
  };
}

async function get(url: string): Promise<string> {
  const { body } = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS), redirect: 'error' });
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    length += part.value.length;
    if (length > MAXIMUM_BYTES) throw new Error(`${url} answers with more than ${MAXIMUM_BYTES} bytes`);
    chunks.push(part.value);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function record(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  } catch {
    throw new Error('what answers there is no service of SSM');
  }
}

function componentOf(state: unknown): { readonly ready: boolean; readonly reason?: string } {
  const { ready, reason } = record(JSON.stringify(state ?? {}));
  return { ready: ready === true, ...(typeof reason === 'string' ? { reason } : {}) };
}

/** Prometheus text. */
function samplesOf(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^(ssm_[a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels, value: Number(value) }];
  });
}

function labelOf(labels: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];
}
