/** Sends datagrams on the loopback interface, and says whether this process may capture there. */

import dgram from 'node:dgram';
import type { TestContext } from 'node:test';
import { openLive } from '../../src/capture/live.ts';
import type { CaptureOptions } from '../../src/capture/options.ts';
import { SpantapError } from '../../src/self/errors.ts';

export function optionsFor(port: number, more: Partial<CaptureOptions> = {}): CaptureOptions {
  return {
    driver: 'libpcap',
    interfaces: ['lo'],
    filter: `udp dst port ${port}`,
    snaplen: 65535,
    ringBytes: 8 << 20,
    promiscuous: false,
    batchDelayMs: 10,
    shards: 1,
    ...more,
  };
}

/** False: the test has been skipped for lack of permission, which in CI is a failure. */
export function mayCapture(t: TestContext): boolean {
  try {
    openLive(optionsFor(9), { frame() {} }, () => {}).close();
    return true;
  } catch (error) {
    const absent = error instanceof SpantapError && /^capture-(permission|addon-missing)$/.test(error.code);
    if (!absent || process.env.CI === 'true') throw error;
    t.skip(`NOT RUN: ${error.message.split('\n')[0]}`);
    return false;
  }
}

/** A receiver, so that nobody answers with ICMP, and a sender. The port is one nobody else has. */
export class Sender {
  readonly port: number;
  readonly #receiver: dgram.Socket;
  readonly #sockets: dgram.Socket[] = [];

  private constructor(receiver: dgram.Socket) {
    this.#receiver = receiver;
    this.port = receiver.address().port;
  }

  static async open(): Promise<Sender> {
    const receiver = dgram.createSocket('udp4');
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
    return new Sender(receiver);
  }

  /** Sends the numbers from `first` to `first + count - 1` as text, by turns from `sockets` ports. */
  async send(first: number, count: number, sockets = 1): Promise<void> {
    while (this.#sockets.length < sockets) this.#sockets.push(dgram.createSocket('udp4'));
    for (let i = first; i < first + count; i++) {
      const socket = this.#sockets[i % sockets]!;
      await new Promise<void>((resolve, reject) => {
        socket.send(String(i), this.port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
      });
    }
  }

  close(): void {
    this.#receiver.close();
    for (const socket of this.#sockets) socket.close();
  }
}

/** Looks every 10 ms until `done` holds; gives up, without a word, after `maxMs`. */
export async function until(done: () => boolean, maxMs = 10_000): Promise<void> {
  for (let waitedMs = 0; !done() && waitedMs < maxMs; waitedMs += 10) await pause(10);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Text of a UDP datagram in an Ethernet frame with an IPv4 header without options. */
export function textOf(buf: Buffer, start: number, end: number): string {
  return buf.toString('latin1', start + 14 + 20 + 8, end);
}
