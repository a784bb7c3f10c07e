/** A bar on standard error, for large files and people who watch. */
import type { SingleBar } from 'cli-progress';

/** Smaller files are read before a bar could be looked at. */
const MIN_BYTES = 64 * 2 ** 20;

export class Progress {
  readonly #wanted: boolean;
  #bar: SingleBar | null = null;

  /** `wanted`: false where the bar would stand between lines of the report. */
  constructor(wanted: boolean) {
    this.#wanted = wanted && process.stderr.isTTY === true;
  }

  async begin(path: string, totalBytes: number): Promise<void> {
    if (!this.#wanted || totalBytes < MIN_BYTES) return;
    const { default: progress } = await import('cli-progress');
    this.#bar = new progress.SingleBar({
      format: '{file} {bar} {percentage} % {eta_formatted} left',
      stream: process.stderr,
      clearOnComplete: true,
    });
    this.#bar.start(totalBytes, 0, { file: path });
  }

  at(bytes: number): void {
    this.#bar?.update(bytes);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
