import process from 'node:process';
import type { ServiceHost } from '@ssm/service-kit';

/** This process, as the services see it. */
export function thisHost(): ServiceHost {
  const { argv, env, stderr, stdout } = process;
  return { args: argv.slice(2), env, stdout, stderr, events: process, exit: (code) => process.exit(code) };
}
