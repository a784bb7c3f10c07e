import type { Settings } from './schema.ts';

/**
 * Every key and its default, in the form of the configuration file. config/agent.yaml says the same with reasons.
 * '' stands for "not set": what happens then stands beside the key.
 */
export const DEFAULTS: Settings = {
  agent: { id: '' }, // the host's name
  capture: {
    driver: 'auto',
    interfaces: ['any'],
    filter: '',
    snaplen: 262_144,
    ring: '16MiB',
    promiscuous: false,
    batchDelay: '20ms',
    shards: 1,
  },
  limits: { memory: '256MiB', flows: 65_536, reorder: '1MiB' },
  streams: { idle: '5m', lossGrace: '20ms' },
  exchanges: { timeout: '2m', quiet: '5s', maxInFlight: 16_384 },
  protocols: {
    maxStatementBytes: '4KiB',
    http: { enabled: true },
    http2: { enabled: true },
    tls: { enabled: true },
    websocket: { enabled: true },
    proxy: { enabled: true },
    mysql: { enabled: true },
    postgresql: { enabled: true },
    mongodb: { enabled: true },
    redis: { enabled: true },
    memcached: { enabled: true },
    amqp: { enabled: true },
    kafka: { enabled: true },
    mqtt: { enabled: true },
    nats: { enabled: true },
    dns: { enabled: true, multicast: false },
  },
  masking: { literals: true, comments: true, keys: true },
  naming: { hostsFile: '/etc/hosts', dns: false, local: { name: '', namespace: '' }, services: [] },
  routes: 'off',
  spans: { enabled: true, mode: 'pair', unsampled: 'drop', batchSpans: 512, flushDelay: '1s' },
  metrics: {
    enabled: true,
    exporters: [], // OTEL_METRICS_EXPORTER, else prometheus if that has a port, else otlp
    interval: '15s',
    histograms: 'explicit',
    maxBuckets: 160,
    maxSeries: 10_000,
    expiry: '15m',
    tcp: true,
  },
  prometheus: { host: '127.0.0.1', port: 0 },
  export: {
    // '' in these five: the OTEL_EXPORTER_OTLP_* variable, else http://localhost:4318, http/protobuf, 10s, gzip
    endpoint: '',
    protocol: '',
    headers: {},
    timeout: '',
    compression: '',
    tls: { caFile: '', certFile: '', keyFile: '' },
    queue: { size: '64MiB', maxAge: '10m', concurrency: 2 },
    flushTimeout: '5s',
  },
  self: { metrics: true, interval: '15s' },
  health: { host: '127.0.0.1', port: 0 },
  log: { level: 'info', format: 'text' },
};
