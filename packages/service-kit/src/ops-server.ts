/** The only importer of fastify. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
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
  readonly limits?: Partial<OpsLimits>;
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

/** The server answers short questions of a probe and a scraper, one on each connection, nothing else. */
export interface OpsLimits {
  readonly headerBytes: number;
  /** Until a question is whole. */
  readonly requestMs: number;
  /** From the connect to the last byte of the answer, however slowly it is read. */
  readonly connectionMs: number;
  readonly connections: number;
}

export const OPS_LIMITS: OpsLimits = { headerBytes: 8_192, requestMs: 5_000, connectionMs: 30_000, connections: 64 };

/** How often Node.js looks for questions that are not whole in time. */
const CHECK_MS = 1_000;

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

function buildApp({ health, metrics, limits }: OpsServerOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: true,
    forceCloseConnections: true,
    serverFactory: (handler) => limitedServer(handler, { ...OPS_LIMITS, ...limits }),
  });
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

function limitedServer(handler: RequestListener, { headerBytes, requestMs, connectionMs, connections }: OpsLimits): Server {
  const times = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: CHECK_MS };
  const server = createServer({ maxHeaderSize: headerBytes, ...times }, handler);
  /** In the order in which they came. */
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), connectionMs);
    socket.once('close', () => {
      clearTimeout(timer);
      open.delete(socket);
    });
    open.add(socket);
    const [oldest] = open;
    if (open.size <= connections || oldest === undefined) return;
    // Not the new one: it may be the probe, which is answered at once, and the old ones somebody who keeps it out.
    open.delete(oldest);
    oldest.destroy();
  });
  return server;
}

/** Before anything of a body is read: nothing here takes one. */
async function refuseBodies(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  // Nobody keeps a connection: probes and scrapers come seldom, and there are few.
  reply.headers({ 'cache-control': 'no-store', connection: 'close' });
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) !== 0;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'method not allowed' });
  }
  return hasBody ? reply.code(413).send({ error: 'no body is taken' }) : undefined;
}
