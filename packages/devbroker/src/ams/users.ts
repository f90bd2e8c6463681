import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { ApiError, forbidden, unauthorized } from './api-error.js';
import type { AmsUser } from './options.js';

/** Who may do what, and by which token. */
export class Users {
  #users: readonly AmsUser[];

  constructor(users: readonly AmsUser[]) {
    this.#users = users;
  }

  /** Throws ApiError 401 for an unknown token, 403 for a topic or subscription that is not this user's. */
  admit(token: unknown, resource: string): void {
    const user = this.#users.find((each) => each.token === token);
    if (user === undefined) throw unauthorized();
    if (resource !== '' && user.resources?.includes(resource) === false) throw forbidden();
  }

  /** The token for a certificate. Throws ApiError 404 where it is bound to nobody. */
  tokenOf(dn: string): string {
    const user = this.#users.find((each) => each.dn === dn);
    if (user === undefined) throw new ApiError(404, 'Binding was not found', 'NOT FOUND');
    return user.token;
  }

  token(name: string): string {
    return this.#users.find((each) => each.name === name)?.token ?? '';
  }

  /** The tokens that were given out so far are no longer good. */
  renewTokens(): void {
    this.#users = this.#users.map((user) => ({ ...user, token: randomBytes(20).toString('hex') }));
  }
}

/** Subject of the client's certificate, attributes in their order. */
export function peerDn(socket: TLSSocket): string {
  return `/${socket.getPeerX509Certificate()?.subject.split('\n').join('/') ?? ''}`;
}
