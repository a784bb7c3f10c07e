import type { Exchange } from '../../exchange/exchange.ts';
import {
  MESSAGING_DURATION,
  messagingError,
  messagingKey,
  messagingSpanName,
  metricDestination,
  type Operation,
  PROCESS_DURATION,
  putMessaging,
} from '../../exchange/messaging.ts';
import { CLIENT_KIND, CONSUMER_KIND, PRODUCER_KIND, SERVER_KIND, type Semantics } from '../../exchange/semantics.ts';
import type { MqttDetail } from './exchange-detail.ts';

const SYSTEM = 'mqtt';

/** Packet type -> what it is in the words of the conventions. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  CONNECT: { name: 'connect', type: '' },
  PUBLISH: { name: 'publish', type: 'send' },
  PUBREL: { name: 'release', type: 'settle' },
  SUBSCRIBE: { name: 'subscribe', type: '' },
  UNSUBSCRIBE: { name: 'unsubscribe', type: '' },
  PINGREQ: { name: 'ping', type: '' },
  DISCONNECT: { name: 'disconnect', type: '' },
};
const DELIVERY: Operation = { name: 'process', type: 'process' };
const UNKNOWN: Operation = { name: '_OTHER', type: '' };

/** The broker asked: a message is delivered. The port that is registered, or was connected to, is the broker's. */
const isDelivery = (x: Exchange): boolean => x.operation === 'PUBLISH' && x.ends.fromServer;

const operationOf = (x: Exchange): Operation => (isDelivery(x) ? DELIVERY : (OPERATIONS[x.operation] ?? UNKNOWN));

function kinds(x: Exchange): number {
  if (isDelivery(x)) return CONSUMER_KIND;
  // the broker's PUBREL is a part of its delivery; that it throws the client out is an error that the client learns of
  if (x.ends.fromServer) return x.failed ? SERVER_KIND : 0;
  const d = x.detail as MqttDetail | null;
  return d !== null && d.context !== null ? PRODUCER_KIND : CLIENT_KIND;
}

/** Reason codes in hexadecimal, as the specification lists them; up to 5 they are CONNACK's return codes of 3.1.1. */
const codeOf = (x: Exchange): string => (x.failed ? `0x${(x.reason || x.status).toString(16).padStart(2, '0')}` : '');

/** MQTT by the messaging conventions. Topics are destinations. */
export const mqttSemantics: Semantics = {
  spans: 'client',
  kinds,
  connectionType: 'messaging_system',
  clientDuration: MESSAGING_DURATION,
  serverDuration: PROCESS_DURATION,

  operation: (x, raw) => {
    const said = x.target !== '' && !(raw && (x.detail as MqttDetail | null)?.aliased);
    return said ? `${x.operation} ${x.target}` : x.operation;
  },

  status: (x) => (Number.isNaN(x.firstByteNs) ? null : String(x.status)),

  path: (x) => x.target || x.operation,

  spanName: (x) => messagingSpanName(operationOf(x).name, x.target),

  errorType: (x) => messagingError(x, codeOf(x)),

  attributes: (x, _side, _route, put) => {
    putMessaging(x, SYSTEM, operationOf(x), x.target, put);
    const d = x.detail as MqttDetail | null;
    if (d === null) return;
    if (d.clientId !== '') put.string('messaging.client.id', d.clientId);
    if (x.operation !== 'PUBLISH') return;
    put.int('messaging.message.body.size', d.payloadBytes);
    put.int('spantap.mqtt.qos', d.qos);
    if (d.packetId !== 0) put.string('messaging.message.id', String(d.packetId));
  },

  seriesKey: (x) => messagingKey(x, operationOf(x).name, x.target, codeOf(x), kinds(x)),

  dimensions: (x, _side, _route, put) => putMessaging(x, SYSTEM, operationOf(x), metricDestination(x.target), put),

  messageCount: (x) => (x.operation !== 'PUBLISH' ? 0 : isDelivery(x) ? -1 : 1),

  context: (x) => (x.detail as MqttDetail | null)?.context ?? null,
};
