import type { Window } from '../bytes/window.ts';
import {
  NO,
  type Protocol,
  TO_CLIENT,
  TO_SERVER,
  UNSURE,
  type Verdict,
  YES,
  YES_REVERSED,
} from '../protocols/protocol.ts';

/** How many bytes of each side detection looks at. */
export const PROBE_BYTES = 1024;

/** Servers remembered: 4,096 entries of about 100 bytes are 400 KiB. */
const MAX_REMEMBERED = 4096;
/** A memory that nothing confirmed for this long is not asked any more, ns of packet time. */
const REMEMBER_NS = 3600e9;

interface Memory {
  protocol: Protocol;
  seenNs: number;
  failures: number;
}

/** What a server (address and port) was last seen to speak. Asked first; a probe still has to agree at a connection's start. */
export class EndpointMemory {
  readonly #known = new Map<string, Memory>();

  recall(key: string, nowNs: number): Protocol | null {
    const m = this.#known.get(key);
    if (m === undefined) return null;
    if (nowNs - m.seenNs > REMEMBER_NS || m.failures > 2) {
      this.#known.delete(key);
      return null;
    }
    return m.protocol;
  }

  learn(key: string, protocol: Protocol, nowNs: number): void {
    const m = this.#known.get(key);
    if (m !== undefined) {
      m.protocol = protocol;
      m.seenNs = nowNs;
      m.failures = 0;
      return;
    }
    if (this.#known.size >= MAX_REMEMBERED) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest); // a Map keeps insertion order
        break;
      }
    }
    this.#known.set(key, { protocol, seenNs: nowNs, failures: 0 });
  }

  failed(key: string): void {
    const m = this.#known.get(key);
    if (m !== undefined) m.failures++;
  }
}

/** What detection found: the protocol, and whether the sender of the probed bytes is the client. */
export class Finding {
  protocol: Protocol | null = null;
  /** The sender of the probed bytes is the client. */
  fromClient = true;
  /** Nobody says yes, but somebody wants to see more. */
  unsure = false;
}

const FINDING = new Finding();

/** Orders protocols so that those whose well-known port is in use are asked first. The port alone proves nothing. */
export class Detector {
  readonly protocols: readonly Protocol[];
  readonly memory = new EndpointMemory();
  readonly #byPort = new Map<number, readonly Protocol[]>();

  constructor(protocols: readonly Protocol[]) {
    this.protocols = protocols;
    for (const port of protocols.flatMap((p) => p.ports)) {
      const first = protocols.filter((p) => p.ports.includes(port));
      this.#byPort.set(port, [...first, ...protocols.filter((p) => !p.ports.includes(port))]);
    }
  }

  /**
   * Probes the bytes of one side. `known`: 1 the sender is the client, 0 it is the server, -1 nobody knows: then the end at a
   * protocol's well-known port is tried as the server first, since some bytes could come from either. `port` is the receiver's.
   * The answer is a shared object, valid until the next call.
   */
  probe(
    w: Window,
    known: -1 | 0 | 1,
    port: number,
    otherPort: number,
    struck: readonly Protocol[],
    first: Protocol | null,
  ): Finding {
    const f = FINDING;
    f.protocol = null;
    f.unsure = false;
    if (first !== null && this.#ask(first, w, known, port, otherPort, struck, f)) return f;
    const order = this.#byPort.get(port) ?? this.#byPort.get(otherPort) ?? this.protocols;
    for (const p of order) {
      if (p !== first && this.#ask(p, w, known, port, otherPort, struck, f)) return f;
    }
    return f;
  }

  #ask(
    p: Protocol,
    w: Window,
    known: -1 | 0 | 1,
    port: number,
    otherPort: number,
    struck: readonly Protocol[],
    f: Finding,
  ): boolean {
    if (struck.length > 0 && struck.includes(p)) return false;
    const pos = w.pos;
    let dir: 0 | 1 = TO_SERVER;
    if (known === 0) dir = TO_CLIENT;
    else if (known === -1 && p.ports.includes(otherPort) && !p.ports.includes(port)) dir = TO_CLIENT;
    let verdict: Verdict = p.probe(dir, w);
    w.pos = pos;
    if (verdict === NO && known === -1) {
      dir = dir === TO_SERVER ? TO_CLIENT : TO_SERVER;
      verdict = p.probe(dir, w);
      w.pos = pos;
    }
    if (verdict === UNSURE) f.unsure = true;
    if (verdict !== YES && verdict !== YES_REVERSED) return false;
    f.protocol = p;
    f.fromClient = (dir === TO_SERVER) === (verdict === YES);
    return true;
  }
}
