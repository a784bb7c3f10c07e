import type { FileWarning } from '../source.ts';

/**
 * Told one by one; beyond this many only counted. A hostile file can hold a defect every 12 bytes (the smallest block), and
 * nobody reads the hundredth.
 */
const MAX_TOLD = 100;

/** The warnings of one file, bounded. */
export class Warnings {
  readonly list: FileWarning[] = [];
  #untold = 0;

  add(code: string, message: string, offset: number): void {
    if (this.list.length < MAX_TOLD) this.list.push({ code, message, offset });
    else this.#untold++;
  }

  /** To be called once, at the end of the file. */
  close(offset: number): FileWarning[] {
    if (this.#untold > 0) {
      this.list.push({ code: 'file-more-warnings', message: `${this.#untold} more warnings`, offset });
    }
    return this.list;
  }
}
