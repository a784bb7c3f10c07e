/** Finds and loads the libpcap addon, and says what to do where it is missing. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SpantapError } from '../self/errors.ts';

export interface Device {
  name: string;
  description: string;
  addresses: string[];
  up: boolean;
  loopback: boolean;
}

export interface OpenSettings {
  filter: string;
  /** 1 to 262144. */
  snaplen: number;
  promiscuous: boolean;
  ringBytes: number;
  /** 0: immediate mode, a wake-up for every packet. */
  timeoutMs: number;
  /** 4-byte aligned, at least twice `16 + snaplen`. The addon writes into it before each `onBatch`. */
  batch: Buffer;
}

export interface Handle {
  readonly linktype: number;
  /** libpcap's warning from the activation, or ''. */
  readonly warning: string;
  stats(): { received: number; dropped: number; interfaceDropped: number };
  fanout(group: number): void;
  pause(): void;
  resume(): void;
  /** Delivers what the ring holds at the moment, no more than it has room for. */
  drain(): void;
  close(): void;
}

/**
 * Errors thrown have a `code`: EPERM, EPROMISC, ENODEV, ENETDOWN, EFILTER, EFANOUT, EINVAL, EPCAP. The packets of a batch
 * lie one after the other: seconds, nanoseconds, captured length, length on the wire (u32 each, host byte order), then
 * the bytes, padded to a multiple of 4.
 */
export interface Addon {
  readonly version: string;
  devices(): Device[];
  /** What libpcap has against a filter expression. */
  checkFilter(expression: string, snaplen: number): string | undefined;
  open(
    device: string,
    settings: OpenSettings,
    onBatch: (count: number, bytes: number) => void,
    onError: (words: string) => void,
  ): Handle;
}

/** Relative to this file: as TypeScript in `src/capture`, and compiled in `dist/src/capture`. */
const PLACES = ['native', '../../../src/capture/native'];

let loaded: Addon | undefined;

export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded;
  const here = import.meta.dirname;
  const place = PLACES.map((p) => join(here, p)).find((p) => existsSync(join(p, 'binding.gyp'))) ?? here;
  try {
    const load = createRequire(import.meta.url)('node-gyp-build') as (dir: string) => Addon;
    loaded = load(place);
    return loaded;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n')[0] : String(error);
    throw new SpantapError(
      'capture-addon-missing',
      `The libpcap addon cannot be loaded: ${reason}\n${adviceFor(reason)}`,
    );
  }
}

function adviceFor(reason = ''): string {
  if (reason.includes('libpcap')) {
    return 'Install libpcap (Debian and Ubuntu: apt-get install libpcap0.8; Fedora: dnf install libpcap; Alpine: apk add libpcap).';
  }
  return (
    'Build it: make build. That needs python3, make, a C++ compiler and the headers of libpcap ' +
    '(Debian and Ubuntu: apt-get install libpcap-dev; Fedora: dnf install libpcap-devel; Alpine: apk add libpcap-dev). ' +
    'Capture files can be read without it.'
  );
}
