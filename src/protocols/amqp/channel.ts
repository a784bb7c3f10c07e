import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import type { Dir, Exchanges } from '../protocol.ts';
import { COUNTERS } from './counters.ts';

/** Phases of a message: its method was seen, its content header, its last body frame. */
export const NO_CONTENT = 0;
export const HEADER_DUE = 1;
export const BODY_DUE = 2;
export const WHOLE = 3;

/** The message that is coming in on a channel in one direction: method, content header, body frames. */
export class Content {
  phase = NO_CONTENT;
  /** What it is the request or (Get-Ok) the response of. */
  x: Exchange | null = null;
  answers = false;
  /** Nothing answers it. */
  oneWay = false;
  /** Body bytes that are still to come. */
  left = 0;
  /** Bytes of its frames so far. */
  bytes = 0;
}

/** Whether publishes are confirmed: the channel was opened before anybody looked, it is in normal mode, Confirm.Select was seen. */
export const UNKNOWN = 0;
export const NORMAL = 1;
export const CONFIRMING = 2;

/** Confirms number the publishes of a channel from 1 on; the broker's acknowledgements carry the number. */
export class Confirms {
  mode = UNKNOWN;
  /** Number of the last publish; the least that it can be when `exact` is false. */
  published = 0;
  exact = false;
  /** Highest number that was confirmed. */
  confirmed = 0;
  /** When Confirm.Select, the last publish or the last confirm passed, ns. */
  lastNs = 0;

  /** Nothing is known of the mode any more. */
  reset(): void {
    this.mode = UNKNOWN;
    this.published = 0;
    this.exact = false;
    this.confirmed = 0;
  }
}

/** What a consumer does with its messages, as far as anybody saw. */
export const MAY_ACK = 0;
export const ACKS = 1;
export const NEVER_ACKS = 2;

/** Who receives what Basic.Deliver brings. */
export class Consumer {
  readonly tag: string;
  readonly queue: string;
  mode: number;
  /** The last deliveries that went to nobody else, by their tags. */
  fromTag = 0;
  toTag = -1;

  constructor(tag: string, queue: string, mode: number) {
    this.tag = tag;
    this.queue = queue;
    this.mode = mode;
  }
}

/** Exchange, routing key and queue as they were last put together. */
export class Destination {
  exchange = '';
  routingKey = '';
  queue = '';
  /** What spans and metrics call it: the parts that differ and that mean something beyond this connection. */
  name = '';
  temporary = false;
}

/** Each time that a list of so many has doubled, what is over in its middle is forgotten, too. */
const MANY = 1024;

/** One channel (AMQP 0-9-1 section 4.3) of a connection. By direction: 0 what the client asks, 1 what the server asks. */
export class Channel {
  readonly id: number;
  readonly content = [new Content(), new Content()] as const;
  /** Methods that wait for their answer, oldest first. */
  readonly pending: readonly [Exchange[], Exchange[]] = [[], []];
  /** Messages that wait for their acknowledgement, in the order of their tags. */
  readonly unsettled: readonly [Exchange[], Exchange[]] = [[], []];
  /** Messages up to this key may have been settled among bytes that were lost. */
  readonly doubtfulKey: [number, number] = [0, 0];
  /** What waits may have been answered among bytes that were lost. */
  readonly doubtful: [boolean, boolean] = [false, false];
  /** An end asked again before it had heard anything. */
  readonly pipelines: [boolean, boolean] = [false, false];
  /** Acknowledgement number of the segment with the last method that waits. */
  readonly askedAck: [number, number] = [0, 0];
  readonly confirms = new Confirms();
  readonly destinations = [new Destination(), new Destination()] as const;
  /** The consumer of the last delivery. */
  consumer: Consumer | null = null;
  /** Numbers the methods that wait. */
  asked = 0;
  /** Directions (bits) in which bytes were lost while messages waited. */
  holes = 0;
  /** Reply code of an error that closes it; 0 for none. */
  closeCode = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** Forgets what is over in a list that is in order of time: mostly that is in front. */
  static prune(list: Exchange[]): void {
    let n = 0;
    while (n < list.length && list[n]!.outcome !== IN_FLIGHT) n++;
    if (n > 0) list.splice(0, n);
    const { length } = list;
    if (length < MANY || (length & (length - 1)) !== 0) return;
    let kept = 0;
    for (const x of list) if (x.outcome === IN_FLIGHT) list[kept++] = x;
    list.length = kept;
  }
}

/** RabbitMQ's channel_max; with about 1.5 KiB each, all of them take 3 MiB, which the budget is asked for one by one. */
export const MAX_CHANNELS = 2048;
const CHANNEL_BYTES = 1536;

/** The channels of one connection; number 0 is the connection itself. */
export class Channels {
  readonly #out: Exchanges;
  readonly #all = new Map<number, Channel>();
  #last: Channel | null = null;

  constructor(out: Exchanges) {
    this.#out = out;
  }

  /** Null: there is no room for another one. */
  get(id: number): Channel | null {
    if (this.#last !== null && this.#last.id === id) return this.#last;
    let c = this.#all.get(id);
    if (c === undefined) {
      if (this.#all.size >= MAX_CHANNELS || !this.#out.hold(CHANNEL_BYTES)) {
        COUNTERS.channelsRefused++;
        return null;
      }
      c = new Channel(id);
      this.#all.set(id, c);
    }
    this.#last = c;
    return c;
  }

  values(): Iterable<Channel> {
    return this.#all.values();
  }

  delete(c: Channel): void {
    if (!this.#all.delete(c.id)) return;
    if (this.#last === c) this.#last = null;
    this.#out.release(CHANNEL_BYTES);
  }
}

/**
 * Keys of a connection's exchanges: channel (16 bits), sort (2), number (35). One direction's one-way message on a channel
 * is whole before the next one begins.
 */
const NUMBERS = 2 ** 35;
export const keyOfMethod = (c: Channel): number => c.id * 4 * NUMBERS + (c.asked++ % NUMBERS);
export const keyOfTag = (c: Channel, tag: number): number => (c.id * 4 + 1) * NUMBERS + tag;
export const keyOneWay = (c: Channel, dir: Dir): number => (c.id * 4 + 2) * NUMBERS + dir;
/** Of a method that nothing answers: it may stand between the frames of a message. */
export const keyOfNotice = (c: Channel, dir: Dir): number => (c.id * 4 + 3) * NUMBERS + dir;
/** Larger tags (a year's at a thousand messages a second) are not followed. */
export const MAX_TAG = NUMBERS - 1;
export const tagOf = (x: Exchange): number => x.key % NUMBERS;
