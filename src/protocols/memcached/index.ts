import type { Protocol } from '../protocol.ts';
import { MemcachedDecoder } from './decoder.ts';
import { probe } from './probe.ts';
import { memcachedSemantics } from './semantics.ts';

/** Memcached over TCP: text, meta and binary protocol. */
export const memcached: Protocol = {
  name: 'memcached',
  transport: 'tcp',
  pairing: 'in_order',
  ports: [11211],
  maxHead: 4096,
  probe,
  open: (exchanges) => new MemcachedDecoder(exchanges),
  semantics: memcachedSemantics,
};
