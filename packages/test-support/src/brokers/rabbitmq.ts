import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../free-port.js';
import type { Scope } from '../scope.js';
import type { BrokerOptions } from './broker.js';
import { copyCertificates, writeFiles } from './files.js';
import { type Placement, recipes } from './handbook.js';
import { PLACES } from './installed.js';
import { type Command, type Product, startTied } from './launched.js';

/** What version 4 takes when it is not told otherwise. */
const DEFAULT_FRAME_BYTES_4 = 4 * 1024 * 1024;
const BIN = PLACES.rabbitmq3;

/** Enters the Debian in directory $0 with our processes and the directory $1, by exec: the process keeps its id. */
const ENTER = 'mkdir -p "$0$1" && mount --rbind /proc "$0/proc" && mount --rbind "$1" "$0$1" && shift && exec chroot "$0" "$@"';

/** Until the state of a quorum queue that was declared, or of a leader that was elected, is on the disk: RabbitMQ writes it down after five seconds. */
const SETTLE_MS = 8000;

type Kind = 'rabbitmq3' | 'rabbitmq4';

/** A command of this version of RabbitMQ; `directory` is the one that it needs. */
function inside(kind: Kind, directory: string, file: string, args: readonly string[]): Command {
  if (kind === 'rabbitmq3') return { file, args };
  return { file: 'unshare', args: ['--mount', 'sh', '-c', ENTER, PLACES.rabbitmq4, directory, file, ...args] };
}

/** One of several on this machine: with an epmd and a name of its own. */
async function environment(directory: string, { configuration, data }: Placement): Promise<Record<string, string>> {
  const [epmd, node, dist] = await freePorts(3);
  return {
    HOME: directory,
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `ssm-${randomBytes(4).toString('hex')}@localhost`,
    RABBITMQ_NODE_PORT: String(node),
    RABBITMQ_DIST_PORT: String(dist),
    RABBITMQ_MNESIA_BASE: data,
    RABBITMQ_LOG_BASE: path.join(directory, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(configuration, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: path.join(configuration, 'rabbitmq.conf'),
    RABBITMQ_PID_FILE: path.join(directory, 'pid'),
    // The start script becomes the broker instead of waiting for it.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
  };
}

/** What `list_queues` says of a quorum queue is seconds old; this asks the queue itself. */
const countOf = (queue: string): string => `
  case rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)) of
    {ok, Q} ->
      case amqqueue:get_type(Q) of
        rabbit_quorum_queue -> {ok, {_, N}, _} = ra:leader_query(amqqueue:get_pid(Q), fun rabbit_fifo:query_messages_total/1), N;
        _ -> proplists:get_value(messages, rabbit_amqqueue:info(Q, [messages]))
      end;
    _ -> 0
  end.`;

/** The limits only where they are asked for: the broker's own are what most people have. */
function configure(kind: Kind, options: BrokerOptions, placement: Placement): void {
  const { 'limits.conf': limits = '', 'limits-4.conf': limits4 = '', 'policy-4.sh': _policy, ...files } = recipes('rabbitmq', placement);
  const { maximumFrameBytes } = options;
  const wanted = maximumFrameBytes === undefined ? '' : `${limits}${kind === 'rabbitmq4' ? limits4 : ''}`;
  const configured = wanted.replaceAll(/= \d+$/gm, `= ${maximumFrameBytes}`);
  writeFiles(placement.configuration, { ...files, 'rabbitmq.conf': `${files['rabbitmq.conf'] ?? ''}${configured}` }, options);
  copyCertificates(options.pki, placement.configuration);
  mkdirSync(placement.data, { recursive: true });
}

export async function rabbitmq(scope: Scope, kind: Kind, options: BrokerOptions, placement: Placement): Promise<Product> {
  const { configuration, tlsPort, plainPort } = placement;
  const directory = path.dirname(configuration);
  configure(kind, options, placement);
  const env = await environment(directory, placement);
  const epmd = inside(kind, directory, 'epmd', ['-port', env['ERL_EPMD_PORT'] ?? '', '-address', '127.0.0.1']);
  await startTied(scope, { ...epmd, env });
  const run = async (command: string, args: readonly string[]): Promise<string> => {
    const { file, args: all } = inside(kind, directory, command, args);
    const { PATH = '' } = process.env;
    const { stdout } = await promisify(execFile)(file, all, { env: { ...process.env, ...env, PATH: `${BIN}:${PATH}` } });
    return stdout;
  };
  const control = (...args: readonly string[]): Promise<string> => run('rabbitmqctl', args);
  return {
    kind,
    ...(options.queueType === 'classic' ? {} : { settleMs: SETTLE_MS }),
    tlsPort,
    plainPort,
    headers: (options.queueType ?? 'quorum') === 'quorum' ? ['x-queue-type=quorum'] : [],
    largestMessage: options.maximumFrameBytes ?? (kind === 'rabbitmq4' ? DEFAULT_FRAME_BYTES_4 : undefined),
    command: { ...inside(kind, directory, path.join(BIN, 'rabbitmq-server'), []), env },
    depth: async (queue) => Number(await control('eval', countOf(queue))),
    control,
    // Version 3 drops nothing that came back.
    ...(kind === 'rabbitmq4' ? { complete: () => run('sh', ['-eu', '-c', recipes('rabbitmq', placement)['policy-4.sh'] ?? '']) } : {}),
  };
}
