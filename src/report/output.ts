/** Standard output in large pieces. Writing waits for the reader, so a slow one slows the reading of the capture, not memory. */
import { writeSync } from 'node:fs';
import { SpantapError } from '../self/errors.ts';

/** Characters gathered before they are written. */
const CHUNK = 1 << 16;

export class Output {
  readonly #fd: number;
  #parts: string[] = [];
  #length = 0;
  /** The reader has gone away (`| head`); what comes now is dropped. */
  closed = false;

  constructor(fd = 1) {
    this.#fd = fd;
  }

  write(text: string): void {
    if (this.closed) return;
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length >= CHUNK) this.flush();
  }

  flush(): void {
    if (this.#parts.length === 0) return;
    const bytes = Buffer.from(this.#parts.join(''));
    this.#parts = [];
    this.#length = 0;
    let written = 0;
    while (written < bytes.length && !this.closed) {
      try {
        written += writeSync(this.#fd, bytes, written);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === 'EPIPE') this.closed = true;
        else if (code === 'EAGAIN') wait(5);
        else {
          this.closed = true;
          throw new SpantapError('output-failed', `The output cannot be written: ${message}`);
        }
      }
    }
  }
}

/** A pipe that another program set to non-blocking is full: there is nothing to do until it is read from. */
function wait(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
