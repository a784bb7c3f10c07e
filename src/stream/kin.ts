import type { Ends } from '../exchange/exchange.ts';
import type { Protocol } from '../protocols/protocol.ts';

/** A power of two. Pairs of hosts that talk within one second; 256 with their ends are some 60 KiB. */
const SLOTS = 256;

/**
 * Clients that ask from a new port each time make new ends each time, but who they are has to be found out once only: ends that differ
 * in the client's port have one origin. A table without chains: who collides takes the other's place.
 */
export class Kin {
  readonly #origins: (Ends | null)[] = new Array<Ends | null>(SLOTS).fill(null);
  readonly #protocols: (Protocol | null)[] = new Array<Protocol | null>(SLOTS).fill(null);

  /** Gives new ends, between which `protocol` is spoken, the origin of those like them; answers the new ones. */
  join(e: Ends, protocol: Protocol): Ends {
    const client = Math.imul(e.client0 ^ e.client1 ^ e.client2 ^ e.client3, 0x9e3779b1);
    const server = Math.imul(e.server0 ^ e.server1 ^ e.server2 ^ e.server3 ^ e.serverPort, 0x85ebca6b);
    const slot = (client ^ server) >>> 24;
    const origin = this.#origins[slot]!;
    if (origin !== null && this.#protocols[slot] === protocol && origin.areKin(e)) {
      e.origin = origin;
      return e;
    }
    this.#origins[slot] = e;
    this.#protocols[slot] = protocol;
    return e;
  }

  /** From time to time, since a name may be known better by now. */
  forget(): void {
    this.#origins.fill(null);
  }
}
