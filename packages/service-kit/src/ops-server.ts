/** The only importer of fastify. */
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { ServiceError } from './errors.js';
import type { Health } from './health.js';
import type { Metrics } from './metrics.js';

export interface OpsServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly health: Pick<Health, 'ready' | 'live'>;
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
}

export interface OpsServer {
  readonly host: string;
  /** The actual one. */
  readonly port: number;
  /** `http://127.0.0.1:9101` */
  readonly url: string;
  /** Stops listening and ends every connection at once. */
  close(): Promise<void>;
}

/** Limits of the server: it answers short questions of a probe and a scraper, nothing else. */
export const OPS_LIMITS = { headerBytes: 8_192, requestMs: 10_000, headersMs: 5_000, keepAliveMs: 30_000, connections: 64 } as const;

const EVERY_ADDRESS = '::';
const EVERY_IPV4_ADDRESS = '0.0.0.0';
/** What listening there fails with on a system without IPv6. */
const NO_IPV6: ReadonlySet<unknown> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/**
 * Serves /health/live, /health/ready, /metrics (GET and HEAD). The host `::` is every address, as far as the system has IPv6. Throws
 * ServiceError `ops-listen-failed`.
 */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  try {
    return await listen(options);
  } catch (error) {
    if (options.host === EVERY_ADDRESS && NO_IPV6.has(codeOf(error))) return await startOpsServer({ ...options, host: EVERY_IPV4_ADDRESS });
    throw new ServiceError('ops-listen-failed', `Cannot listen at ${options.host} port ${options.port} for health and metrics`, {
      cause: error,
    });
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

async function listen(options: OpsServerOptions): Promise<OpsServer> {
  const app = buildApp(options);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  const [address] = app.addresses();
  const port = typeof address === 'object' ? address.port : options.port;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { host: options.host, port, url: `http://${host}:${port}`, close: () => app.close() };
}

function buildApp({ health, metrics }: OpsServerOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: true,
    forceCloseConnections: true,
    requestTimeout: OPS_LIMITS.requestMs,
    connectionTimeout: OPS_LIMITS.requestMs,
    keepAliveTimeout: OPS_LIMITS.keepAliveMs,
    http: { maxHeaderSize: OPS_LIMITS.headerBytes, headersTimeout: OPS_LIMITS.headersMs },
  });
  app.server.maxConnections = OPS_LIMITS.connections;
  app.addHook('onRequest', refuseBodies);
  app.get('/health/live', (_request, reply) => {
    const state = health.live();
    return reply.code(state.live ? 200 : 503).send(state);
  });
  app.get('/health/ready', (_request, reply) => {
    const state = health.ready();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.render();
    return reply.header('content-type', metrics.contentType).send(text);
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));
  app.setErrorHandler((_error, _request, reply) => reply.code(500).send({ error: 'internal error' }));
  return app;
}

/** Before anything of a body is read: nothing here takes one. */
async function refuseBodies(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  reply.header('cache-control', 'no-store');
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) !== 0;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return reply.code(405).header('allow', 'GET, HEAD').header('connection', 'close').send({ error: 'method not allowed' });
  }
  return hasBody ? reply.code(413).header('connection', 'close').send({ error: 'no body is taken' }) : undefined;
}
