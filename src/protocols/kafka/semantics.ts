import type { Exchange } from '../../exchange/exchange.ts';
import {
  MESSAGING_DURATION,
  messagingError,
  messagingKey,
  messagingSpanName,
  metricDestination,
  type Operation,
  putMessaging,
} from '../../exchange/messaging.ts';
import { type AttributeSink, CLIENT_KIND, PRODUCER_KIND, type Semantics } from '../../exchange/semantics.ts';
import { Vocabulary } from '../../exchange/vocabulary.ts';
import { errorName } from './errors.ts';
import { type KafkaDetail, UNTOLD } from './exchange-detail.ts';

const SYSTEM = 'kafka';

/** APIs that are what the conventions have words for; the others are known by their own names. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  Produce: { name: 'send', type: 'send' },
  Fetch: { name: 'poll', type: 'receive' },
  ShareFetch: { name: 'poll', type: 'receive' },
  OffsetCommit: { name: 'commit', type: 'settle' },
  TxnOffsetCommit: { name: 'commit', type: 'settle' },
  ShareAcknowledge: { name: 'acknowledge', type: 'settle' },
};
const OTHERS = new Map<string, Operation>();

/** What the exchange is in the words of the conventions. */
function operationOf(x: Exchange): Operation {
  const known = OPERATIONS[x.operation] ?? OTHERS.get(x.operation);
  if (known !== undefined) return known;
  const own: Operation = { name: x.operation, type: '' };
  if (OTHERS.size < MAX_OTHERS) OTHERS.set(x.operation, own);
  return own;
}
/** As many as there are APIs, and some that are not known. */
const MAX_OTHERS = 128;

/** Groups are few, and named by people: 1,023 of them take below 300 KiB. */
const GROUPS = new Vocabulary('kafka.group', 1023);

const COMPRESSIONS = ['', 'gzip', 'snappy', 'lz4', 'zstd'];

const detailOf = (x: Exchange): KafkaDetail | null => x.detail as KafkaDetail | null;
const groupOf = (x: Exchange): string => detailOf(x)?.group ?? '';

/** The first code of the response that is none of success. */
const errorOf = (x: Exchange): string => (x.failed ? errorName(x.status) : '');

/** A message that carries the context in which it was made makes the sending a PRODUCER's. */
const kinds = (x: Exchange): number =>
  x.operation === 'Produce' && (detailOf(x)?.context ?? null) !== null ? PRODUCER_KIND : CLIENT_KIND;

function attributes(x: Exchange, put: AttributeSink): void {
  const operation = operationOf(x);
  putMessaging(x, SYSTEM, operation, x.target, put);
  const d = detailOf(x);
  if (d === null) return;
  if (d.topics === 1 && d.partition >= 0) put.string('messaging.destination.partition.id', String(d.partition));
  if (d.group !== '') put.string('messaging.consumer.group.name', d.group);
  if (d.clientId !== '') put.string('messaging.client.id', d.clientId);
  // one message alone is no batch; what is received always is one, of whatever size
  if (d.messages > 1 || (d.messages >= 0 && operation.type === 'receive')) {
    put.int('messaging.batch.message_count', d.messages);
  }
  const compression = COMPRESSIONS[d.compression] ?? '';
  if (compression !== '') put.string('spantap.kafka.compression', compression);
  if (d.transactionalId !== '') put.string('spantap.kafka.transactional_id', d.transactionalId);
  put.int('spantap.kafka.api_version', d.apiVersion);
}

/** Kafka by the messaging conventions. Topics are destinations. */
export const kafkaSemantics: Semantics = {
  spans: 'client',
  kinds,
  connectionType: 'messaging_system',
  clientDuration: MESSAGING_DURATION,
  serverDuration: null,

  operation: (x) => x.operation,

  status: (x) => (Number.isNaN(x.firstByteNs) || x.status === UNTOLD ? null : String(x.status)),

  path: (x) => x.target || groupOf(x),

  spanName: (x) => messagingSpanName(operationOf(x).name, x.target),

  // whether a Produce that waits wants an answer was not seen
  errorType: (x) => (x.waits && x.operation === 'Produce' ? '' : messagingError(x, errorOf(x))),

  attributes: (x, _side, _route, put) => attributes(x, put),

  /** With 10 bits for the group in front of the 38 that messaging has in common. */
  seriesKey: (x) =>
    GROUPS.id(groupOf(x)) * 2 ** 38 + messagingKey(x, operationOf(x).name, x.target, errorOf(x), kinds(x)),

  dimensions: (x, _side, _route, put) => {
    putMessaging(x, SYSTEM, operationOf(x), metricDestination(x.target), put);
    const group = GROUPS.word(GROUPS.id(groupOf(x)));
    if (group !== '') put.string('messaging.consumer.group.name', group);
  },

  messageCount: (x) => {
    const messages = Math.max(0, detailOf(x)?.messages ?? 0);
    return operationOf(x).type === 'send' ? messages : 0 - messages;
  },

  context: (x) => detailOf(x)?.context ?? null,
};
