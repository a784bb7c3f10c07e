/** One request and its response, in the same shape for every protocol. */

import { addressText } from '../bytes/address.ts';
import type { Masking } from './masking.ts';
import type { Semantics } from './semantics.ts';

/** A time that was not seen. */
export const UNSEEN = Number.NaN;

/** How an exchange ended. */
export const IN_FLIGHT = 0;
/** Request and response were seen whole (holes inside bodies of known length do not matter). */
export const COMPLETE = 1;
/** The response's status was seen, its end was not: the capture cut it or lost it. `endNs` is UNSEEN. */
export const TRUNCATED = 2;
/** No (whole) response within `exchanges.timeout`. */
export const TIMEOUT = 3;
/** RST before the response's end. */
export const RESET = 4;
/** The connection was closed in order, without a (whole) response. */
export const CLOSED = 5;
/** The capture ended while the request was waiting. */
export const OPEN = 6;
/** The capture lost bytes, and whether and what was answered can no longer be said. */
export const LOST = 7;
/** The protocol answers nothing to this request. */
export const ONE_WAY = 8;
/** On its way to the protocol that takes over the connection; no listener ever sees this. */
export const PASSED_ON = 9;

export const OUTCOMES = [
  'in_flight',
  'complete',
  'truncated',
  'timeout',
  'reset',
  'closed',
  'open',
  'lost',
  'one_way',
  'passed_on',
] as const;

/** The two ends of a conversation, addresses as in Packet: four signed words, IPv4 in word 3. Client = who asks. */
export class Ends {
  ipVersion = 4;
  client0 = 0;
  client1 = 0;
  client2 = 0;
  client3 = 0;
  clientPort = 0;
  server0 = 0;
  server1 = 0;
  server2 = 0;
  server3 = 0;
  serverPort = 0;
  /** The "client" is the end that was connected to: a broker that delivers. */
  fromServer = false;
  /** Ends that differ in the client's port alone, at most, and for which is resolved what these need as well. */
  origin: Ends = this;
  #memo: object | null = null;
  #clientAddress = '';
  #serverAddress = '';

  /** What the telemetry room resolved for these ends (its Pair), kept here so that a finished exchange finds it without a look-up. */
  get memo(): object | null {
    return this.origin.#memo;
  }

  set memo(memo: object | null) {
    this.origin.#memo = memo;
  }

  /** They differ in the client's port, or not at all. */
  areKin(o: Ends): boolean {
    return (
      this.serverPort === o.serverPort &&
      this.client3 === o.client3 &&
      this.server3 === o.server3 &&
      this.client2 === o.client2 &&
      this.server2 === o.server2 &&
      this.client1 === o.client1 &&
      this.server1 === o.server1 &&
      this.client0 === o.client0 &&
      this.server0 === o.server0 &&
      this.ipVersion === o.ipVersion &&
      this.fromServer === o.fromServer
    );
  }

  /** The same ends with their roles exchanged. */
  reversed(): Ends {
    const r = new Ends();
    r.ipVersion = this.ipVersion;
    r.client0 = this.server0;
    r.client1 = this.server1;
    r.client2 = this.server2;
    r.client3 = this.server3;
    r.clientPort = this.serverPort;
    r.server0 = this.client0;
    r.server1 = this.client1;
    r.server2 = this.client2;
    r.server3 = this.client3;
    r.serverPort = this.clientPort;
    r.fromServer = !this.fromServer;
    return r;
  }

  /** The client's address as text, made once. */
  get clientAddress(): string {
    const o = this.origin;
    if (o.#clientAddress === '') {
      o.#clientAddress = addressText(o.ipVersion, o.client0, o.client1, o.client2, o.client3);
    }
    return o.#clientAddress;
  }

  get serverAddress(): string {
    const o = this.origin;
    if (o.#serverAddress === '') {
      o.#serverAddress = addressText(o.ipVersion, o.server0, o.server1, o.server2, o.server3);
    }
    return o.#serverAddress;
  }
}

/** The protocol an exchange was spoken in. */
export interface Spoken {
  /** Folder name, config key, metric label: `http`. */
  readonly name: string;
  readonly semantics: Semantics;
  /** What is hidden; absent: everything that can be. */
  readonly masking?: Masking;
  /** What may turn out to be spoken over it. */
  readonly dialects?: readonly Spoken[];
}

/** Stands for a text that was on the wire and cannot be known, because it refers to something that was lost. */
export const UNKNOWN = 'UNKNOWN';

export class Exchange {
  /** Set anew, if at all, before the exchange has come to its end: a dialect, or the protocol that took over. */
  protocol: Spoken;
  readonly ends: Ends;
  /** Correlation id of the protocol, or IN_ORDER. */
  key: number;
  outcome = IN_FLIGHT;
  /**
   * Times in ns since the pipeline's base second; UNSEEN (NaN) if not seen. Capture time of the packet that carries:
   * the first byte of the request, its last byte, the first byte of the (final) response, its last byte.
   */
  startNs: number;
  requestEndNs = UNSEEN;
  firstByteNs = UNSEEN;
  endNs = UNSEEN;
  /** Bytes on the stream, heads and bodies. */
  requestBytes = 0;
  responseBytes = 0;
  /**
   * 128-bit identity (four signed words), equal at every place where the request can be seen:
   * hash of sequence number, acknowledgement number, correlation id and the first bytes of the request.
   */
  id0 = 0;
  id1 = 0;
  id2 = 0;
  id3 = 0;
  /** GET, SELECT, Produce: low cardinality. */
  operation = '';
  /** Path with query as on the wire, table, topic. */
  target = '';
  /** Database that the request speaks to; '' when it has none or it is not known. */
  namespace = '';
  /** Statement text, at most `protocols.maxStatementBytes` of it; unmasked. */
  statement = '';
  /** Bytes of the statement that were on the wire and are not in `statement`. */
  statementCut = 0;
  /** Version of the protocol, in its own numbering (HTTP: 9 for 0.9, 10, 11); 0 when it has none. */
  version = 0;
  /** Numeric status of the response; 0 when none was seen. */
  status = 0;
  /** Why one end broke it off, in the protocol's own numbering; 0 when that did not happen or nothing was said. */
  reason = 0;
  /** The protocol's own opinion, for the raw report; spans and metrics ask Semantics. */
  failed = false;
  /** The server may take its time (a blocking pop, a long poll): the duration says nothing of its speed. */
  waits = false;
  /** The response goes on for as long as there is something to say (server-sent events, sessions): its first byte is what was waited for, and silence is no time-out. */
  streams = false;
  /** What happened on the connection between start and end. */
  retransmissions = 0;
  outOfOrder = 0;
  zeroWindows = 0;
  /** What is peculiar to the protocol. */
  detail: object | null = null;
  /** For pairing: sequence number behind the request's head. */
  requestHeadEnd = 0;
  /** What the memory budget was asked for. */
  heldBytes = 0;

  constructor(protocol: Spoken, ends: Ends, key: number, startNs: number) {
    this.protocol = protocol;
    this.ends = ends;
    this.key = key;
    this.startNs = startNs;
  }
}

/** Why no whole response came, as the value of `error.type`; '' when one did, when none was due, and when nobody can say. */
export function failureOf(x: Exchange): string {
  if (x.outcome === TIMEOUT) return 'timeout';
  if (x.outcome === RESET) return 'connection_reset';
  if (x.outcome === CLOSED) return 'connection_closed';
  return '';
}

/** Takes every exchange that has come to an end. The record is the listener's to keep. */
export interface ExchangeListener {
  /** The head of a request is complete; its record is still in flight and must not be kept. */
  begun?(x: Exchange): void;
  /** A message passed in an exchange that goes on; the record must not be kept. `kind`: the protocol's (`Semantics.messages`). */
  passed?(x: Exchange, toServer: boolean, kind: number, bytes: number, timeNs: number): void;
  finished(x: Exchange): void;
}
