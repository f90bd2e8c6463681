import { exists, internal, invalid, notFound } from './api-error.js';
import { acknowledgedOffset, deadlineOf, messagesOf, newSubscriptionOf, pullOf } from './input.js';
import type { Route } from './routes.js';
import { type Project, Subscription, Topic } from './store.js';

export interface CallContext {
  readonly project: Project;
  readonly maximumMessageBytes: number;
  readonly longPollMs: number;
  readonly now: () => Date;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
  /** Of a fault: publish no more than so many of the list. */
  readonly publishAtMost?: number;
}

/** An answer of 200; '' is an empty one. Throws ApiError. */
export type Call = (route: Route, body: Buffer, context: CallContext) => object | '' | Promise<object>;

const publish: Call = ({ name }, body, { project, now, maximumMessageBytes, publishAtMost = Number.POSITIVE_INFINITY }) => {
  const topic = project.topic(name);
  // One after the other: those before a bad one stay published.
  const messageIds = messagesOf(body).map((message, index) => {
    if (index >= publishAtMost) throw internal('Backend Error');
    return topic.append(message, now(), maximumMessageBytes);
  });
  return { messageIds };
};

const pull: Call = async ({ name }, body, context) => {
  const { project, now, longPollMs, gone } = context;
  const subscription = project.subscription(name);
  const { count, atOnce } = pullOf(body);
  if (!atOnce) await newMessages(subscription, longPollMs, gone);
  const { offset, messages } = subscription.pull(count, now().getTime());
  const receivedMessages = messages.map((message, index) => ({
    ackId: `${ackPrefix(project, subscription)}${offset + index}`,
    message: { ...message, messageId: String(offset + index) },
  }));
  return { receivedMessages };
};

const POLL_MS = 20;

async function newMessages(subscription: Subscription, waitMs: number, gone: AbortSignal): Promise<void> {
  const until = performance.now() + waitMs;
  const isEmpty = (): boolean => subscription.offsets.max === subscription.offsets.current;
  while (isEmpty() && performance.now() < until && !gone.aborted) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

function ackPrefix(project: Project, { name }: Subscription): string {
  return `projects/${project.name}/subscriptions/${name}:`;
}

const acknowledge: Call = ({ name }, body, { project, now }) => {
  const subscription = project.subscription(name);
  subscription.acknowledge(acknowledgedOffset(body, ackPrefix(project, subscription)), now().getTime());
  return {};
};

const modifyAckDeadline: Call = ({ name }, body, { project }) => {
  if (project.subscription(name).setDeadline(deadlineOf(body))) return '';
  throw invalid('Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments');
};

const topicView = (project: Project, { name }: Topic): object => ({ name: `/projects/${project.name}/topics/${name}` });

const subscriptionView = (project: Project, { name, topic, ackDeadlineSeconds }: Subscription): object => ({
  name: `/projects/${project.name}/subscriptions/${name}`,
  topic: `/projects/${project.name}/topics/${topic.name}`,
  pushConfig: { pushEndpoint: '', retryPolicy: {} },
  ackDeadlineSeconds,
});

const createTopic: Call = ({ name }, _body, { project }) => {
  if (project.topics.has(name)) throw exists('Topic');
  const topic = new Topic(name);
  project.topics.set(name, topic);
  return topicView(project, topic);
};

const createSubscription: Call = ({ name }, body, { project }) => {
  const { topic: topicName, ackDeadlineSeconds } = newSubscriptionOf(body);
  const topic = project.topics.get(topicName);
  if (topic === undefined) throw notFound('Topic');
  if (project.subscriptions.has(name)) throw exists('Subscription');
  const subscription = new Subscription(name, topic, ackDeadlineSeconds);
  project.subscriptions.set(name, subscription);
  return subscriptionView(project, subscription);
};

export const CALLS: Readonly<Record<string, Call>> = {
  status: () => ({ status: 'ok' }),
  publish,
  pull,
  acknowledge,
  modifyAckDeadline,
  offsets: ({ name }, _body, { project }) => project.subscription(name).offsets,
  topic: ({ name }, _body, { project }) => topicView(project, project.topic(name)),
  createTopic,
  listTopics: (_route, _body, { project }) =>
    page(
      'topics',
      Array.from(project.topics.values(), (each) => topicView(project, each)),
    ),
  subscription: ({ name }, _body, { project }) => subscriptionView(project, project.subscription(name)),
  createSubscription,
  listSubscriptions: (_route, _body, { project }) =>
    page(
      'subscriptions',
      Array.from(project.subscriptions.values(), (each) => subscriptionView(project, each)),
    ),
};

function page(key: string, all: readonly object[]): object {
  return { [key]: all, nextPageToken: '', totalSize: all.length };
}
