import { type Scope, temporaryDirectory, writeTrustDirectory } from '@ssm/test-support';
import { type OpenedMessage, openMessage } from '../src/open.js';
import { type SealOptions, sealMessage } from '../src/seal.js';
import { loadTrustStore } from '../src/trust-store.js';
import { Authority, identityOf, NOW } from './recipe.js';

/** A CA that is trusted, a site and a server with certificates by it, and what they do all day. */
export class World {
  readonly authority = new Authority();
  readonly site = this.authority.issue('site.example.org');
  readonly server = this.authority.issue('server.example.org', 'rsa2048');
  readonly identity = identityOf(this.server);
  readonly trustDirectory: string;

  constructor(scope: Scope) {
    this.trustDirectory = temporaryDirectory(scope);
    writeTrustDirectory(this.trustDirectory, { cas: [this.authority.ca] });
  }

  async seal(body: Uint8Array | string, options: Partial<SealOptions> = {}): Promise<Buffer> {
    const octets = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    return Buffer.from(await sealMessage(octets, { signer: identityOf(this.site), now: NOW, ...options }));
  }

  /** Sealed for the server. */
  sealFor(body: Uint8Array | string, options: Partial<SealOptions> = {}): Promise<Buffer> {
    return this.seal(body, { recipients: [identityOf(this.server).certificate], ...options });
  }

  async open(raw: Uint8Array, options: Partial<Parameters<typeof openMessage>[1]> = {}): Promise<OpenedMessage> {
    const trust = await this.trust();
    return openMessage(raw, { identities: [this.identity], trust, now: NOW, ...options });
  }

  #trust: ReturnType<typeof loadTrustStore> | undefined;

  trust(): ReturnType<typeof loadTrustStore> {
    this.#trust ??= loadTrustStore(this.trustDirectory, { now: NOW, stabilityMs: 0 });
    return this.#trust;
  }
}

export function textOf(opened: OpenedMessage): string {
  return Buffer.from(opened.body).toString('latin1');
}
