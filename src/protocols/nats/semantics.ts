import { type Exchange, ONE_WAY } from '../../exchange/exchange.ts';
import {
  MESSAGING_DURATION,
  messagingKey,
  messagingSpanName,
  metricDestination,
  type Operation,
  putMessaging,
} from '../../exchange/messaging.ts';
import { CLIENT_KIND, PRODUCER_KIND, RECEIVER_KIND, type Semantics } from '../../exchange/semantics.ts';
import type { NatsDetail } from './exchange-detail.ts';
import { type Consumer, callOf, isAck, isApi, isPull, pulled, settled } from './jetstream.ts';

const SYSTEM = 'nats';

const PUBLISH: Operation = { name: 'publish', type: 'send' };
const REQUEST: Operation = { name: 'request', type: 'send' };
const PROCESS: Operation = { name: 'process', type: 'process' };
/** JetStream: what is said of a message, messages asked for, and all other calls. */
const SETTLE: Readonly<Record<string, Operation>> = Object.fromEntries(
  ['ack', 'nack', 'term', 'in_progress'].map((name) => [name, { name, type: 'settle' }]),
);
const FETCH: Operation = { name: 'fetch', type: 'receive' };
const CALL: Operation = { name: 'request', type: '' };
const PING: Operation = { name: 'ping', type: '' };
const REFUSED: Operation = { name: 'error', type: '' };

/** Errors of the server by the words they begin with; what follows names subjects and users. */
const ERRORS: readonly [RegExp, string][] = [
  [/^'?unknown protocol/i, 'unknown_protocol_operation'],
  [/^'?authorization (violation|timeout)/i, 'authorization_violation'],
  [/^'?user authentication/i, 'authentication_expired'],
  [/^'?permissions violation/i, 'permissions_violation'],
  [/^'?maximum (connections|payload|control|subscriptions)/i, 'limit_exceeded'],
  [/^'?slow consumer/i, 'slow_consumer'],
  [/^'?stale connection/i, 'stale_connection'],
  [/^'?invalid/i, 'invalid_request'],
  [/^'?parser error/i, 'parser_error'],
];

function operationOf(x: Exchange): Operation {
  if (x.operation === 'PING') return PING;
  if (x.operation === '-ERR') return REFUSED;
  if (x.operation === 'deliver') return PROCESS;
  const d = x.detail as NatsDetail | null;
  if (isAck(x.target)) return SETTLE[d?.settles ?? ''] ?? SETTLE.ack!;
  if (isApi(x.target)) return isPull(x.target) ? FETCH : CALL;
  if (d?.stored) return PUBLISH;
  return x.outcome === ONE_WAY ? PUBLISH : REQUEST;
}

/** The stream and consumer that messages are pulled from or acknowledged to; null: it is about none. */
function consumerOf(x: Exchange): Consumer | null {
  if (isAck(x.target)) return settled(x.target);
  return isPull(x.target) ? pulled(x.target) : null;
}

/** Inboxes are made for one message each, and so are subjects of acknowledgements: what counts is their stream. */
function destinationOf(x: Exchange): string {
  const t = x.target;
  if (t.startsWith('_INBOX.')) return '';
  if (!t.startsWith('$JS.')) return t;
  return consumerOf(x)?.stream ?? (isApi(t) ? callOf(t) : t);
}

function kinds(x: Exchange): number {
  const d = x.detail as NatsDetail | null;
  if (d?.answers) return 0; // it is told with the request that it answers
  if (x.operation === 'deliver') return RECEIVER_KIND;
  return d !== null && d.context !== null ? PRODUCER_KIND : CLIENT_KIND;
}

/** A request that nothing answers is no error: its reply subject may be another connection's. */
function errorOf(x: Exchange): string {
  if (x.operation === '-ERR') {
    const text = (x.detail as NatsDetail | null)?.error ?? '';
    return ERRORS.find(([begins]) => begins.test(text))?.[1] ?? '_OTHER';
  }
  if (!x.failed) return '';
  if (x.status === 0) return 'nack'; // what was delivered could not be processed
  const { errorCode = 0 } = (x.detail as NatsDetail | null) ?? {};
  return errorCode > 0 ? String(errorCode) : x.status === 503 ? 'no_responders' : String(x.status);
}

/** NATS by the messaging conventions. Subjects are destinations, unless they are made for one message. */
export const natsSemantics: Semantics = {
  spans: 'client',
  kinds,
  connectionType: 'messaging_system',
  clientDuration: MESSAGING_DURATION,
  serverDuration: null,

  operation: (x) => {
    if (x.operation === '-ERR') return `-ERR ${((x.detail as NatsDetail | null)?.error ?? '').split(' ', 1)[0]}`;
    return x.target === '' ? x.operation : `${x.operation} ${x.target}`;
  },

  status: (x) => {
    if (x.operation === '-ERR') return (x.detail as NatsDetail | null)?.error ?? '';
    if (Number.isNaN(x.firstByteNs)) return null;
    if (x.operation === 'PING') return 'PONG';
    return x.status > 0 ? String(x.status) : x.failed ? '-NAK' : 'OK';
  },

  path: (x) => destinationOf(x) || x.operation,

  spanName: (x) => messagingSpanName(operationOf(x).name, destinationOf(x)),

  errorType: errorOf,

  attributes: (x, _side, _route, put) => {
    putMessaging(x, SYSTEM, operationOf(x), destinationOf(x), put);
    const d = x.detail as NatsDetail | null;
    if (d === null || (x.operation !== 'publish' && x.operation !== 'deliver')) return;
    put.int('messaging.message.body.size', d.payloadBytes);
    const c = consumerOf(x);
    if (c !== null && c.consumer !== '') put.string('messaging.consumer.group.name', c.consumer);
    if (destinationOf(x) === '') put.boolean('messaging.destination.temporary', true);
  },

  seriesKey: (x) => messagingKey(x, operationOf(x).name, destinationOf(x), errorOf(x), kindNumber(x)),

  dimensions: (x, _side, _route, put) =>
    putMessaging(x, SYSTEM, operationOf(x), metricDestination(destinationOf(x)), put),

  messageCount: (x) => {
    const { type } = operationOf(x);
    return type === 'send' ? 1 : type === 'process' ? -1 : 0;
  },

  context: (x) => (x.detail as NatsDetail | null)?.context ?? null,
};

/** 0 to 3: what `kinds` says, in two bits. */
function kindNumber(x: Exchange): number {
  return [0, CLIENT_KIND, PRODUCER_KIND, RECEIVER_KIND].indexOf(kinds(x));
}
