import type { Protocol } from '../protocol.ts';
import { RedisDecoder } from './decoder.ts';
import { probe } from './probe.ts';
import { redisSemantics } from './semantics.ts';

/** Redis serialization protocol 2 and 3, and inline commands. */
export const redis: Protocol = {
  name: 'redis',
  transport: 'tcp',
  pairing: 'in_order',
  ports: [6379, 6380, 7000, 7001, 26379],
  maxHead: 4096,
  probe,
  open: (exchanges) => new RedisDecoder(exchanges),
  semantics: redisSemantics,
};
