/** A real Jaeger that keeps traces in memory, and what one asks of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jaegerConfig } from '../../../demo/jaeger.ts';
import type { Started } from '../../e2e/program.ts';
import { emptyFolder, freePort } from '../../e2e/servers/server.ts';
import { json, launch } from './programs.ts';

export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  /** µs. */
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
  readonly processID: string;
  readonly warnings: readonly string[] | null;
}

export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

export const tag = (s: JaegerSpan, key: string): unknown => s.tags.find((t) => t.key === key)?.value;

export class Jaeger {
  readonly port: number;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly #started: Started;

  private constructor(ports: { query: number; http: number; grpc: number }, started: Started) {
    this.port = ports.query;
    this.httpPort = ports.http;
    this.grpcPort = ports.grpc;
    this.#started = started;
  }

  static async start(): Promise<Jaeger> {
    const folder = emptyFolder('jaeger');
    const ports = {
      http: await freePort(),
      grpc: await freePort(),
      query: await freePort(),
      queryGrpc: await freePort(),
    };
    const file = join(folder, 'jaeger.yaml');
    writeFileSync(file, JSON.stringify(jaegerConfig(ports)));
    const url = `http://127.0.0.1:${ports.query}/api/services`;
    return new Jaeger(ports, await launch('jaeger', ['--config', file], folder, url));
  }

  /** OTLP/HTTP endpoint; /v1/traces is added by whoever sends. */
  get otlp(): string {
    return `http://127.0.0.1:${this.httpPort}`;
  }

  get log(): string {
    return this.#started.out + this.#started.err;
  }

  async services(): Promise<string[]> {
    return (await this.#ask<string[] | null>('services')) ?? [];
  }

  async operations(service: string): Promise<{ name: string; spanKind: string }[]> {
    return (await this.#ask<{ name: string; spanKind: string }[] | null>(`operations?service=${service}`)) ?? [];
  }

  /** All traces in which the service has a span. */
  async traces(service: string): Promise<JaegerTrace[]> {
    return (await this.#ask<JaegerTrace[] | null>(`traces?service=${service}&limit=100000`)) ?? [];
  }

  async trace(id: string): Promise<JaegerTrace> {
    return (await this.#ask<JaegerTrace[]>(`traces/${id}`))[0]!;
  }

  async dependencies(): Promise<Dependency[]> {
    const parameters = `endTs=${Date.now()}&lookback=${3_600_000}`;
    return (await this.#ask<Dependency[] | null>(`dependencies?${parameters}`)) ?? [];
  }

  /** It has nothing to save, and may wait long for connections that are kept alive. */
  async stop(): Promise<void> {
    await this.#started.stop('SIGKILL');
  }

  async #ask<T>(what: string): Promise<T> {
    return (await json<{ data: T }>(`http://127.0.0.1:${this.port}/api/${what}`)).data;
  }
}
