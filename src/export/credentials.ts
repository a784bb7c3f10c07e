import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { LimitedLog, type Log } from '../self/log.ts';
import type { TlsFiles } from './targets.ts';

/** Files are looked at this often; certificates are renewed hours or days before the old ones end. */
const LOOK_MS = 10_000;

/**
 * Certificates and key from files that may be exchanged while the agent runs. They are read for each new connection, and
 * now and then for the sake of connections that never end. Files that do not go together, as when only one of the two has
 * been written yet, are left alone until they do.
 */
export class Credentials {
  /** Called when there are others than before: connections made with the old ones should go. */
  renewed: () => void = () => {};
  readonly #files: readonly string[];
  readonly #limited: LimitedLog;
  readonly #timer: NodeJS.Timeout | undefined;
  #read: (Buffer | undefined)[] = [];
  #context: SecureContext | null = null;

  constructor(files: TlsFiles, log: Log, lookMs = LOOK_MS) {
    this.#files = [files.caFile, files.certFile, files.keyFile];
    this.#limited = new LimitedLog(log);
    if (this.#files.every((file) => file === '')) return;
    this.#timer = setInterval(() => {
      if (this.#context !== null) void this.context();
    }, lookMs).unref();
  }

  /** What a new connection shall use. Rejects when there have never been files that go together. */
  async context(): Promise<SecureContext> {
    const before = this.#context;
    try {
      const read = await Promise.all(this.#files.map((file) => (file === '' ? undefined : readFile(file))));
      if (before !== null && read.every((bytes, i) => same(bytes, this.#read[i]))) return before;
      const [ca, cert, key] = read;
      const now = createSecureContext({
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        minVersion: 'TLSv1.2',
      });
      this.#read = read;
      this.#context = now;
      if (before !== null) this.renewed();
      return now;
    } catch (error) {
      if (before === null) throw error;
      const reason = (error as Error).message;
      this.#limited.line('warn', 'tls', { reason }, 'new certificates cannot be used; the old ones stay');
      return before;
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function same(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}
