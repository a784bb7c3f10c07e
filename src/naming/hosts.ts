/** A file in the form of /etc/hosts: `address name alias...`, `#` begins a comment (hosts(5)). */
import { readFileSync } from 'node:fs';
import { SpantapError } from '../self/errors.ts';
import { type Address, parseAddress } from './address.ts';

/** Is read when it is there; any other file was asked for by name and must be there. */
const DEFAULT_FILE = '/etc/hosts';

export interface HostEntry {
  readonly address: Address;
  /** The canonical name first, then the aliases. */
  readonly names: readonly string[];
}

export function readHosts(path: string): HostEntry[] {
  if (path === '') return [];
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (path === DEFAULT_FILE) return [];
    throw new SpantapError(
      'hosts-unreadable',
      `naming.hostsFile = ${path}: cannot be read: ${(error as Error).message}`,
    );
  }
  return parseHosts(text);
}

/** Lines that are no entries are passed over, as the resolver does. */
export function parseHosts(text: string): HostEntry[] {
  const entries: HostEntry[] = [];
  for (const line of text.split('\n')) {
    const [first, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const address = parseAddress(first!);
    if (address !== null && names.length > 0) entries.push({ address, names });
  }
  return entries;
}
