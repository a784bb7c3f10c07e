import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amqp } from '../../src/protocols/amqp/index.ts';
import { dnsOverTcp, dnsOverUdp } from '../../src/protocols/dns/index.ts';
import { http } from '../../src/protocols/http/index.ts';
import { http2 } from '../../src/protocols/http2/index.ts';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { kafka } from '../../src/protocols/kafka/index.ts';
import { memcached } from '../../src/protocols/memcached/index.ts';
import { mongodb } from '../../src/protocols/mongodb/index.ts';
import { mqtt } from '../../src/protocols/mqtt/index.ts';
import { mysql } from '../../src/protocols/mysql/index.ts';
import { nats } from '../../src/protocols/nats/index.ts';
import { postgresql } from '../../src/protocols/postgresql/index.ts';
import type { Protocol } from '../../src/protocols/protocol.ts';
import { proxy } from '../../src/protocols/proxy/index.ts';
import { redis } from '../../src/protocols/redis/index.ts';
import { tls } from '../../src/protocols/tls/index.ts';
import { websocket } from '../../src/protocols/websocket/index.ts';
import type { Conversation } from '../kit/conversation.ts';
import { takesNothingOf, takesNothingOfEachOther } from '../kit/detection.ts';
import { OPENINGS } from '../kit/openings.ts';
import { conversations as amqpConversations } from './amqp-conversations.ts';
import { conversations as dns } from './dns-conversations.ts';
import { conversations } from './http-conversations.ts';
import { conversations as http2Conversations } from './http2-conversations.ts';
import { conversations as kafkaConversations } from './kafka-conversations.ts';
import { conversations as memcachedConversations } from './memcached-conversations.ts';
import { conversations as mongo } from './mongodb-conversations.ts';
import { conversations as mqttConversations } from './mqtt-conversations.ts';
import { conversations as mysqlConversations } from './mysql-conversations.ts';
import { conversations as natsConversations } from './nats-conversations.ts';
import { conversations as postgresConversations } from './postgresql-conversations.ts';
import { conversations as redisConversations } from './redis-conversations.ts';
import { conversations as tlsConversations } from './tls-conversations.ts';

/** Every protocol with its conversations: a new one adds its line here. */
const ALL: [Protocol, readonly Conversation[]][] = [
  [http, conversations],
  // the one that is upgraded begins as HTTP/1.1
  [http2, http2Conversations.filter((c) => !c.name.startsWith('upgraded'))],
  [dnsOverTcp, dns],
  [dnsOverUdp, []],
  [tls, tlsConversations],
  [kafka, kafkaConversations],
  [mqtt, mqttConversations],
  [nats, natsConversations],
  [amqp, amqpConversations],
  [websocket, []],
  [proxy, []],
  [mongodb, mongo],
  [postgresql, postgresConversations],
  [mysql, mysqlConversations],
  [memcached, memcachedConversations],
  [redis, redisConversations],
];

test('no protocol is left out', () => {
  assert.deepEqual(new Set(ALL.map(([p]) => p)), new Set(PROTOCOLS));
});

for (const [protocol] of ALL)
  takesNothingOf(
    protocol,
    OPENINGS.filter((o) => o.name.split(' ')[0] !== protocol.name),
  );
takesNothingOfEachOther(ALL);
