/** The calls that are answered, and how their URLs look. */
export interface Route {
  readonly call: string;
  readonly project: string;
  readonly name: string;
}

const NAME = '([A-Za-z0-9_-]+)';

const ROUTES: readonly (readonly [call: string, method: string, pattern: RegExp])[] = [
  ['status', 'GET', /^\/v1\/status$/],
  ['listTopics', 'GET', new RegExp(`^/v1/projects/${NAME}/topics$`)],
  ['topic', 'GET', new RegExp(`^/v1/projects/${NAME}/topics/${NAME}$`)],
  ['createTopic', 'PUT', new RegExp(`^/v1/projects/${NAME}/topics/${NAME}$`)],
  ['publish', 'POST', new RegExp(`^/v1/projects/${NAME}/topics/${NAME}:publish$`)],
  ['listSubscriptions', 'GET', new RegExp(`^/v1/projects/${NAME}/subscriptions$`)],
  ['subscription', 'GET', new RegExp(`^/v1/projects/${NAME}/subscriptions/${NAME}$`)],
  ['createSubscription', 'PUT', new RegExp(`^/v1/projects/${NAME}/subscriptions/${NAME}$`)],
  ['pull', 'POST', new RegExp(`^/v1/projects/${NAME}/subscriptions/${NAME}:pull$`)],
  ['acknowledge', 'POST', new RegExp(`^/v1/projects/${NAME}/subscriptions/${NAME}:acknowledge$`)],
  ['modifyAckDeadline', 'POST', new RegExp(`^/v1/projects/${NAME}/subscriptions/${NAME}:modifyAckDeadline$`)],
  ['offsets', 'GET', new RegExp(`^/v1/projects/${NAME}/subscriptions/${NAME}:offsets$`)],
];

/** `path` without its query. undefined: there is no such call. */
export function routeOf(method: string, path: string): Route | undefined {
  for (const [call, wanted, pattern] of ROUTES) {
    const match = method === wanted ? pattern.exec(path) : null;
    if (match !== null) return { call, project: match[1] ?? '', name: match[2] ?? '' };
  }
  return undefined;
}

const AUTHENTICATION = /^\/v1\/service-types\/ams\/hosts\/([A-Za-z0-9.:-]+):authx509$/;

/** The host that a certificate is exchanged for. */
export function authenticatedHost(method: string, path: string): string | undefined {
  return method === 'GET' ? AUTHENTICATION.exec(path)?.[1] : undefined;
}
