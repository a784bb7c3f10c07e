/** The `export` part of the configuration; '', none or null means: take the OTEL_EXPORTER_OTLP_* variable, else the default. */
export interface ExportOptions {
  /**
   * Base addresses, for example http://collector:4318; over HTTP `/v1/traces` and `/v1/metrics` are added. Each of them is
   * sent everything, with the same settings.
   */
  readonly endpoints: readonly string[];
  readonly protocol: 'http/protobuf' | 'http/json' | 'grpc' | '';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
  readonly compression: 'gzip' | 'none' | '';
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  readonly queue: {
    /** Encoded and compressed requests waiting, bytes, in all; beyond it the oldest are dropped and counted. */
    readonly maxBytes: number;
    /** A request older than this is given up, ms. */
    readonly maxAgeMs: number;
    /** Requests under way at once, per signal and endpoint. */
    readonly concurrency: number;
  };
  /** How long the flush at shutdown may take, ms. */
  readonly flushTimeoutMs: number;
}
