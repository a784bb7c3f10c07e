import { type Exchange, failureOf } from '../../exchange/exchange.ts';
import {
  MESSAGING_DURATION,
  messagingKey,
  messagingSpanName,
  metricDestination,
  type Operation,
  type OperationType,
  PROCESS_DURATION,
  putMessaging,
} from '../../exchange/messaging.ts';
import { CLIENT_KIND, CONSUMER_KIND, PRODUCER_KIND, SERVER_KIND, type Semantics } from '../../exchange/semantics.ts';
import type { AmqpDetail } from './exchange-detail.ts';
import { GET_OK, METHODS, NACK, REJECT } from './methods.ts';

/** The conventions know the protocol by its first broker. */
const SYSTEM = 'rabbitmq';

/** Methods that have a type in the conventions; the others go by their own names: `queue.declare`. */
const TYPED: Readonly<Record<string, Operation>> = {
  'Basic.Publish': { name: 'publish', type: 'send' },
  'Basic.Deliver': { name: 'process', type: 'process' },
  'Basic.Get': { name: 'receive', type: 'receive' },
  'Basic.Return': { name: 'return', type: '' },
};
const OPERATIONS = new Map<string, Operation>(
  [...METHODS.values()].map(({ name }): [string, Operation] => [
    name,
    TYPED[name] ?? { name: name.toLowerCase(), type: '' as OperationType },
  ]),
);

const operationOf = (x: Exchange): Operation => OPERATIONS.get(x.operation)!;

/** Messages have destinations; what the other methods speak of is no part of their names. */
const destinationOf = (x: Exchange): string => (x.operation in TYPED ? x.target : '');

function kinds(x: Exchange): number {
  const d = x.detail as AmqpDetail | null;
  if (!x.ends.fromServer) return d !== null && d.context !== null ? PRODUCER_KIND : CLIENT_KIND;
  if (x.operation === 'Basic.Deliver') return CONSUMER_KIND;
  // The client learns of an error; greetings, and errors that are told with their request, make no span.
  return d !== null && isError(d.code) && !d.told ? SERVER_KIND : 0;
}

/** Reply codes (AMQP 0-9-1 section 1.1): 200 is success. */
const isError = (code: number): boolean => code !== 0 && code !== 200;

/** The reply code of an error, or that a message was not accepted; '' when all is well. */
function codeOf(x: Exchange): string {
  if (x.reason !== 0) return String(x.reason);
  if (x.failed) {
    if (x.status === NACK) return 'nack';
    return x.status === REJECT ? 'reject' : String(x.status);
  }
  const code = (x.detail as AmqpDetail | null)?.code ?? 0;
  return isError(code) && x.operation !== 'Basic.Publish' ? String(code) : '';
}

/** A reply code says more than that no answer came. */
const errorOf = (x: Exchange): string => codeOf(x) || failureOf(x);

/** AMQP by the messaging conventions for RabbitMQ. */
export const amqpSemantics: Semantics = {
  spans: 'client',
  kinds,
  connectionType: 'messaging_system',
  clientDuration: MESSAGING_DURATION,
  serverDuration: PROCESS_DURATION,

  operation: (x) => x.operation,

  status: (x) => (Number.isNaN(x.firstByteNs) ? null : (METHODS.get(x.status)?.word ?? String(x.status))),

  path: (x) => destinationOf(x) || x.operation,

  spanName: (x) => messagingSpanName(operationOf(x).name, destinationOf(x)),

  errorType: errorOf,

  attributes: (x, _side, _route, put) => {
    putMessaging(x, SYSTEM, operationOf(x), x.target, put);
    const d = x.detail as AmqpDetail | null;
    if (d === null) return;
    if (d.routingKey !== '') put.string('messaging.rabbitmq.destination.routing_key', d.routingKey);
    if (d.deliveryTag > 0) put.int('messaging.rabbitmq.message.delivery_tag', d.deliveryTag);
    if (d.temporary) put.boolean('messaging.destination.temporary', true);
    if (d.messageId !== '') put.string('messaging.message.id', d.messageId);
    if (d.correlationId !== '') put.string('messaging.message.conversation_id', d.correlationId);
    if (d.bodyBytes >= 0) put.int('messaging.message.body.size', d.bodyBytes);
  },

  seriesKey: (x) => messagingKey(x, operationOf(x).name, destinationOf(x), codeOf(x), kinds(x)),

  dimensions: (x, _side, _route, put) =>
    putMessaging(x, SYSTEM, operationOf(x), metricDestination(destinationOf(x)), put),

  messageCount: (x) => {
    if (x.operation === 'Basic.Publish') return 1;
    return x.operation === 'Basic.Deliver' || (x.operation === 'Basic.Get' && x.status === GET_OK) ? -1 : 0;
  },

  context: (x) => (x.detail as AmqpDetail | null)?.context ?? null,
};
