import { type DirectionNews, type TcpNews, TO_CLIENT, TO_SERVER } from '../exchange/tcp-news.ts';
import type { Attributes } from './attributes.ts';
import type { Distribution } from './histograms.ts';
import { ERROR_TYPE, SPANTAP_DIRECTION } from './scope.ts';

/** What is counted of one direction between two services. */
export class DirectionRecord {
  /** Payload bytes handed on to decoding, and those that sequence numbers prove were sent. */
  delivered = 0;
  sent = 0;
  retransmitted = 0;
  outOfOrder = 0;
  zeroWindowNs = 0;
  resets = 0;
  readonly attributes: Attributes;

  constructor(attributes: Attributes) {
    this.attributes = attributes;
  }

  add(n: DirectionNews): void {
    this.delivered += n.delivered;
    this.sent += n.delivered + n.lost;
    this.retransmitted += n.retransmitted;
    this.outOfOrder += n.outOfOrder;
    this.zeroWindowNs += n.zeroWindowNs;
    this.resets += n.resets;
  }
}

/** The connections between two services, as one device showed them. */
export class TcpRecord {
  readonly key: string;
  readonly attributes: Attributes;
  readonly refusedAttributes: Attributes;
  readonly timedOutAttributes: Attributes;
  startNs: number;
  lastNs: number;
  opened = 0;
  refused = 0;
  timedOut = 0;
  /** Durations of handshakes. */
  readonly handshakes: Distribution;
  readonly directions: readonly [toServer: DirectionRecord, toClient: DirectionRecord];
  /** Bytes delivered and sent in the interval that has ended last, and where that ended. */
  intervalDelivered = 0;
  intervalSent = 0;
  #deliveredBefore = 0;
  #sentBefore = 0;

  constructor(handshakes: Distribution, key: string, attributes: Attributes, startNs: number) {
    this.handshakes = handshakes;
    this.key = key;
    this.attributes = attributes;
    this.refusedAttributes = { ...attributes, [ERROR_TYPE]: 'refused' };
    this.timedOutAttributes = { ...attributes, [ERROR_TYPE]: 'timeout' };
    this.directions = [
      new DirectionRecord({ ...attributes, [SPANTAP_DIRECTION]: 'to_server' }),
      new DirectionRecord({ ...attributes, [SPANTAP_DIRECTION]: 'to_client' }),
    ];
    this.startNs = startNs;
    this.lastNs = startNs;
  }

  get delivered(): number {
    return this.directions[TO_SERVER].delivered + this.directions[TO_CLIENT].delivered;
  }

  get sent(): number {
    return this.directions[TO_SERVER].sent + this.directions[TO_CLIENT].sent;
  }

  add(n: TcpNews): void {
    this.lastNs = Math.max(this.lastNs, n.lastNs);
    this.opened += n.opened;
    this.refused += n.refused;
    this.timedOut += n.timedOut;
    if (n.handshakeNs >= 0) this.handshakes.add(n.handshakeNs);
    this.directions[TO_SERVER].add(n.directions[TO_SERVER]);
    this.directions[TO_CLIENT].add(n.directions[TO_CLIENT]);
  }

  /** An interval ends. */
  mark(): void {
    const { delivered, sent } = this;
    this.intervalDelivered = delivered - this.#deliveredBefore;
    this.intervalSent = sent - this.#sentBefore;
    this.#deliveredBefore = delivered;
    this.#sentBefore = sent;
  }
}
