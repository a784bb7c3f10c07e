/** What each key of the configuration file may hold. Messages complete the sentence "`key` = value ...". */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseBytes, parseMs } from './units.ts';

const count = (min: number, max: number) =>
  z
    .int({ error: `must be a whole number from ${min} to ${max}` })
    .check(z.gte(min, { error: `must be at least ${min}` }), z.lte(max, { error: `must be at most ${max}` }));

const bytes = (min: string, max: string) =>
  z
    .union([z.string(), z.number()], { error: 'must be a size such as 64MiB' })
    .refine((v) => !Number.isNaN(parseBytes(v)), { error: 'must be a size such as 512KiB, 64MiB or 1GiB', abort: true })
    .refine((v) => parseBytes(v) >= parseBytes(min), { error: `must be at least ${min}`, abort: true })
    .refine((v) => parseBytes(v) <= parseBytes(max), { error: `must be at most ${max}` });

const duration = (min: string, max: string) =>
  z
    .union([z.string(), z.number()], { error: 'must be a duration such as 30s' })
    .refine((v) => !Number.isNaN(parseMs(v)), {
      error: 'must be a duration with its unit: 500ms, 30s, 5m or 1h',
      abort: true,
    })
    .refine((v) => parseMs(v) >= parseMs(min), { error: `must be at least ${min}`, abort: true })
    .refine((v) => parseMs(v) <= parseMs(max), { error: `must be at most ${max}` });

const word = <const T extends readonly string[]>(...words: T) =>
  z.enum(words, { error: `must be one of ${words.map((w) => (w === '' ? "''" : w)).join(', ')}` });

const text = z.string({ error: 'must be a text' });
const flag = z.boolean({ error: 'must be true or false' });

const isUrl = (v: string) => /^https?:$/.test(URL.parse(v)?.protocol ?? '');
const URLS = 'must be an address such as http://collector:4318, or a list of them';
const urls = z.union(
  [
    text.refine((v) => v === '' || v.split(',').every((one) => isUrl(one.trim())), { error: URLS }),
    z.array(text.refine(isUrl, { error: URLS })).max(16),
  ],
  { error: URLS },
);

function isCidr(value: string): boolean {
  const slash = value.lastIndexOf('/');
  const version = isIP(value.slice(0, Math.max(slash, 0)));
  const prefix = value.slice(slash + 1);
  return version !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

const service = z
  .strictObject({
    cidr: text.refine(isCidr, { error: 'must be a network such as 10.1.0.0/16 or 2001:db8::/64' }).optional(),
    ip: text.refine((v) => isIP(v) !== 0, { error: 'must be an address such as 10.1.2.3 or 2001:db8::1' }).optional(),
    host: text.min(1, { error: 'must be a name of the hosts file' }).optional(),
    port: count(1, 65_535).optional(),
    name: text.min(1, { error: 'must not be empty' }),
    namespace: text.optional(),
  })
  .refine((r) => [r.cidr, r.ip, r.host].filter((v) => v !== undefined).length === 1, {
    error: 'needs exactly one of cidr, ip, host',
    when: () => true,
  });

const protocol = z.strictObject({ enabled: flag });

export const SETTINGS = z.strictObject({
  agent: z.strictObject({ id: text }),
  capture: z.strictObject({
    driver: word('auto', 'libpcap', 'cap'),
    interfaces: z
      .array(text.min(1, { error: 'must name an interface' }), { error: 'must be a list of interfaces' })
      .min(1, { error: 'must name at least one interface' }),
    filter: text,
    // 64 bytes hold the headers of plain Ethernet, IPv4 and TCP; 262144 is what libpcap itself allows
    snaplen: count(64, 262_144),
    ring: bytes('64KiB', '2GiB'),
    promiscuous: flag,
    batchDelay: duration('1ms', '1s'),
    shards: count(1, 64),
  }),
  limits: z.strictObject({
    memory: bytes('16MiB', '64GiB'),
    flows: count(16, 16_777_216),
    reorder: bytes('16KiB', '64MiB'),
  }),
  streams: z.strictObject({ idle: duration('1s', '24h'), lossGrace: duration('1ms', '10s') }),
  exchanges: z.strictObject({
    timeout: duration('100ms', '24h'),
    quiet: duration('10ms', '10m'),
    maxInFlight: count(1, 65_536),
  }),
  protocols: z.strictObject({
    maxStatementBytes: bytes('64', '16KiB'),
    http: protocol,
    http2: protocol,
    tls: protocol,
    websocket: protocol,
    proxy: protocol,
    mysql: protocol,
    postgresql: protocol,
    mongodb: protocol,
    redis: protocol,
    memcached: protocol,
    amqp: protocol,
    kafka: protocol,
    mqtt: protocol,
    nats: protocol,
    dns: z.strictObject({ enabled: flag, multicast: flag }),
  }),
  masking: z.strictObject({ literals: flag, comments: flag, keys: flag }),
  naming: z.strictObject({
    hostsFile: text,
    dns: flag,
    local: z.strictObject({ name: text, namespace: text }),
    services: z.array(service, { error: 'must be a list of rules' }),
  }),
  routes: word('off', 'template'),
  spans: z.strictObject({
    enabled: flag,
    mode: word('pair', 'client', 'server'),
    unsampled: word('drop', 'always'),
    batchSpans: count(1, 8192),
    flushDelay: duration('10ms', '1m'),
  }),
  metrics: z.strictObject({
    enabled: flag,
    exporters: z.array(word('otlp', 'prometheus'), { error: 'must be a list of otlp, prometheus' }),
    interval: duration('100ms', '1h'),
    histograms: word('explicit', 'exponential'),
    maxBuckets: count(16, 2048),
    maxSeries: count(1, 1_000_000),
    expiry: duration('1s', '24h'),
    tcp: flag,
  }),
  prometheus: z.strictObject({ host: text.min(1, { error: 'must not be empty' }), port: count(0, 65_535) }),
  export: z.strictObject({
    endpoint: urls,
    protocol: word('http/protobuf', 'http/json', 'grpc', ''),
    headers: z.record(z.string(), text, { error: 'must be a map of header names to texts' }),
    timeout: z.union([z.literal(''), duration('1ms', '10m')], { error: 'must be a duration such as 10s' }),
    compression: word('gzip', 'none', ''),
    tls: z.strictObject({ caFile: text, certFile: text, keyFile: text }),
    queue: z.strictObject({
      size: bytes('64KiB', '16GiB'),
      maxAge: duration('1s', '24h'),
      concurrency: count(1, 64),
    }),
    flushTimeout: duration('0ms', '10m'),
  }),
  self: z.strictObject({ metrics: flag, interval: duration('1s', '1h') }),
  health: z.strictObject({ host: text, port: count(0, 65_535) }),
  log: z.strictObject({ level: word('error', 'warn', 'info', 'debug'), format: word('text', 'json') }),
});

/** The configuration in the form of its file: sizes and durations as people write them. */
export type Settings = z.infer<typeof SETTINGS>;
