/** `host:port`, the name under which statuses, confirmations and errors know a broker. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
