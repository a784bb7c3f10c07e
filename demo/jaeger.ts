/** How Jaeger is told to take OTLP over HTTP and gRPC, keep traces in memory and answer questions, all on 127.0.0.1. */

export interface JaegerPorts {
  readonly http: number;
  readonly grpc: number;
  readonly query: number;
  readonly queryGrpc: number;
}

/** Its configuration as an object (JSON is YAML); nothing but what is used is switched on, its own telemetry neither. */
export function jaegerConfig(ports: JaegerPorts): object {
  const at = (port: number): object => ({ endpoint: `127.0.0.1:${port}` });
  return {
    service: {
      extensions: ['jaeger_storage', 'jaeger_query'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { metrics: { level: 'none' } },
    },
    extensions: {
      jaeger_storage: { backends: { memory: { memory: { max_traces: 100_000 } } } },
      jaeger_query: { storage: { traces: 'memory' }, http: at(ports.query), grpc: at(ports.queryGrpc) },
    },
    receivers: { otlp: { protocols: { http: at(ports.http), grpc: at(ports.grpc) } } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
  };
}
