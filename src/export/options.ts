/** The `export` part of the configuration; '' or null means: take the OTEL_EXPORTER_OTLP_* variable, else the default. */
export interface ExportOptions {
  /** Base address, for example http://collector:4318; `/v1/traces` and `/v1/metrics` are added. */
  readonly endpoint: string;
  readonly protocol: 'http/protobuf' | 'http/json' | '';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
  readonly compression: 'gzip' | 'none' | '';
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  readonly queue: {
    /** Encoded and compressed requests waiting, bytes; beyond it the oldest are dropped and counted. */
    readonly maxBytes: number;
    /** A request older than this is given up, ms. */
    readonly maxAgeMs: number;
    /** Requests under way at once, per signal. */
    readonly concurrency: number;
  };
  /** How long the flush at shutdown may take, ms. */
  readonly flushTimeoutMs: number;
}
