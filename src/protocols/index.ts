import { amqp } from './amqp/index.ts';
import { dnsOverTcp, dnsOverUdp } from './dns/index.ts';
import { http } from './http/index.ts';
import { http2 } from './http2/index.ts';
import { kafka } from './kafka/index.ts';
import { memcached } from './memcached/index.ts';
import { mongodb } from './mongodb/index.ts';
import { mqtt } from './mqtt/index.ts';
import { mysql } from './mysql/index.ts';
import { nats } from './nats/index.ts';
import { postgresql } from './postgresql/index.ts';
import type { Protocol } from './protocol.ts';
import { proxy } from './proxy/index.ts';
import { redis } from './redis/index.ts';
import { tls } from './tls/index.ts';
import { websocket } from './websocket/index.ts';

/** Every protocol that spantap speaks: the one line to add for a new one. */
export const PROTOCOLS: readonly Protocol[] = [
  http,
  http2,
  dnsOverUdp,
  dnsOverTcp,
  mongodb,
  redis,
  memcached,
  postgresql,
  mysql,
  tls,
  amqp,
  kafka,
  mqtt,
  nats,
  websocket,
  proxy,
];
