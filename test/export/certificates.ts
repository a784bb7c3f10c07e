import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A folder of keys and certificates that goes when the test file has ended. */
export class Certificates {
  readonly #folder = mkdtempSync(join(tmpdir(), 'spantap-tls-'));

  constructor() {
    after(() => rmSync(this.#folder, { recursive: true }));
  }

  file(name: string): string {
    return join(this.#folder, name);
  }

  /** NAME.key and NAME.crt: an authority, or a certificate signed by one; `days` may be -1, for one of the past. */
  make(name: string, subject: string, signer = '', o: { days?: number; names?: string } = {}): void {
    this.#openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`);
    const request = ['-key', `${name}.key`, '-subj', `/CN=${subject}`];
    if (signer === '') {
      this.#openssl('req', '-x509', '-days', '2', '-out', `${name}.crt`, ...request);
      return;
    }
    const names = `subjectAltName=${o.names ?? 'DNS:localhost,IP:127.0.0.1'}`;
    this.#openssl('req', '-new', '-out', `${name}.csr`, '-addext', names, ...request);
    const by = ['-CA', `${signer}.crt`, '-CAkey', `${signer}.key`, '-CAcreateserial', '-copy_extensions', 'copy'];
    this.#openssl('x509', '-req', '-days', `${o.days ?? 2}`, '-in', `${name}.csr`, '-out', `${name}.crt`, ...by);
  }

  /** As `export.tls` takes it. */
  files(ca: string, client = ''): { caFile: string; certFile: string; keyFile: string } {
    const of = (name: string, end: string): string => (name === '' ? '' : this.file(`${name}.${end}`));
    return { caFile: of(ca, 'crt'), certFile: of(client, 'crt'), keyFile: of(client, 'key') };
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' });
  }
}
