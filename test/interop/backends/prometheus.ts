/** A real Prometheus with its OTLP receiver on, and what one asks of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Started } from '../../e2e/program.ts';
import { emptyFolder, freePort } from '../../e2e/servers/server.ts';
import { json, launch } from './programs.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Answer {
  readonly data: {
    readonly resultType: 'vector' | 'scalar' | 'matrix';
    readonly result: unknown;
  };
}

export class Prometheus {
  readonly port: number;
  readonly #started: Started;

  private constructor(port: number, started: Started) {
    this.port = port;
    this.#started = started;
  }

  /**
   * `config`: prometheus.yml as an object (JSON is YAML), to which nothing is added; `flags`: further ones. What arrives by OTLP
   * goes to `otlp`.
   */
  static async start(config: object = {}, flags: readonly string[] = []): Promise<Prometheus> {
    const folder = emptyFolder('prometheus');
    const port = await freePort();
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, JSON.stringify(config));
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-otlp-receiver',
      ...flags,
    ];
    return new Prometheus(port, await launch('prometheus', args, folder, `http://127.0.0.1:${port}/-/ready`));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** OTLP/HTTP endpoint for metrics alone (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT). */
  get otlp(): string {
    return `${this.url}/api/v1/otlp/v1/metrics`;
  }

  get log(): string {
    return this.#started.out + this.#started.err;
  }

  /** Evaluates an expression, now or at a time in seconds since the epoch; a scalar is a sample without labels. */
  async query(expression: string, atSeconds?: number): Promise<Sample[]> {
    const parameters = new URLSearchParams({ query: expression });
    if (atSeconds !== undefined) parameters.set('time', String(atSeconds));
    const { data } = await json<Answer>(`${this.url}/api/v1/query?${parameters}`);
    if (data.resultType === 'scalar') return [{ labels: {}, value: Number((data.result as [number, string])[1]) }];
    const vector = data.result as { metric: Labels; value: [number, string] }[];
    return vector.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Labels of all series that match. */
  async series(selector: string): Promise<Labels[]> {
    const parameters = new URLSearchParams({ 'match[]': selector });
    return (await json<{ data: Labels[] }>(`${this.url}/api/v1/series?${parameters}`)).data;
  }

  async version(): Promise<string> {
    return (await json<{ data: { version: string } }>(`${this.url}/api/v1/status/buildinfo`)).data.version;
  }

  async stop(): Promise<void> {
    await this.#started.stop();
  }
}
