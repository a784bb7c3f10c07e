/** A real OpenTelemetry Collector with a given configuration. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Started } from '../../e2e/program.ts';
import { emptyFolder, freePort } from '../../e2e/servers/server.ts';
import { launch } from './programs.ts';

export interface CollectorPorts {
  readonly http: number;
  readonly grpc: number;
  readonly health: number;
  /** Its own metrics, for Prometheus. */
  readonly self: number;
}

/** A Collector's configuration but for `receivers.otlp`, `extensions.health_check` and `service.telemetry`, which are the same in all. */
export interface Pipelines {
  /** Beside `otlp`. */
  readonly receivers?: object;
  readonly processors?: object;
  readonly connectors?: object;
  readonly exporters: object;
  readonly pipelines: Readonly<Record<string, { receivers: string[]; processors?: string[]; exporters: string[] }>>;
}

export class Collector {
  readonly ports: CollectorPorts;
  readonly #folder: string;
  readonly #file: string;
  #started: Started | null = null;
  #log = '';

  private constructor(folder: string, file: string, ports: CollectorPorts) {
    this.#folder = folder;
    this.#file = file;
    this.ports = ports;
  }

  /** A Collector that takes OTLP over HTTP and gRPC on ports of its own; `receivers` of its pipelines are `otlp` or connectors. */
  static async start(pipelines: Pipelines): Promise<Collector> {
    const folder = emptyFolder('collector');
    const ports = { http: await freePort(), grpc: await freePort(), health: await freePort(), self: await freePort() };
    const at = (port: number): object => ({ endpoint: `127.0.0.1:${port}` });
    const reader = { pull: { exporter: { prometheus: { host: '127.0.0.1', port: ports.self } } } };
    const { pipelines: service, receivers, ...rest } = pipelines;
    const config = {
      receivers: { otlp: { protocols: { http: at(ports.http), grpc: at(ports.grpc) } }, ...receivers },
      ...rest,
      extensions: { health_check: at(ports.health) },
      service: {
        extensions: ['health_check'],
        pipelines: service,
        telemetry: { metrics: { level: 'detailed', readers: [reader] } },
      },
    };
    const file = join(folder, 'collector.yaml');
    writeFileSync(file, JSON.stringify(config));
    const collector = new Collector(folder, file, ports);
    await collector.start();
    return collector;
  }

  get otlp(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  /** All it has written, restarts included. */
  get log(): string {
    return this.#log + (this.#started === null ? '' : this.#started.out + this.#started.err);
  }

  /** Again after `stop`, on the same ports. */
  async start(): Promise<void> {
    const health = `http://127.0.0.1:${this.ports.health}/`;
    this.#started = await launch('collector', ['--config', this.#file], this.#folder, health);
  }

  /** Its own metrics in Prometheus' text, as they stand. */
  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports.self}/metrics`)).text();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const started = this.#started;
    if (started === null) return;
    await started.stop(signal);
    this.#log += started.out + started.err;
    this.#started = null;
  }
}
