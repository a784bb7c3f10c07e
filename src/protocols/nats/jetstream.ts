/**
 * JetStream, which is spoken in subjects and payloads of the client protocol (NATS documentation, "JetStream wire API"):
 * `$JS.API.>` takes calls, `$JS.ACK.>` what a client says of a message that was delivered to it.
 */

import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import type { Exchanges } from '../protocol.ts';

const API = '$JS.API.';
const DOMAIN = /^\$JS\.[^.]+\.API\./;
const ACK = '$JS.ACK.';
const PULL = 'CONSUMER.MSG.NEXT.';

/** Words that calls are made of; what follows them is a stream, and behind it names of consumers and subjects. */
const WORDS = new Set(
  'ACCOUNT CONSUMER CREATE DELETE DIRECT DURABLE GET INFO LEADER LIST MSG NAMES NEXT PAUSE PEER PURGE REMOVE RESTORE SNAPSHOT STEPDOWN STREAM UNPIN UPDATE'.split(
    ' ',
  ),
);

/** Where the call's words begin in a subject, -1 if it is none. */
function apiAt(subject: string): number {
  if (!subject.startsWith('$JS.')) return -1;
  if (subject.startsWith(API)) return API.length;
  return DOMAIN.exec(subject)?.[0].length ?? -1;
}

export const isApi = (subject: string): boolean => apiAt(subject) >= 0;
export const isAck = (subject: string): boolean => subject.startsWith(ACK);

/** Asks for the next messages of a consumer, and may wait for them. */
export function isPull(subject: string): boolean {
  const at = apiAt(subject);
  return at >= 0 && subject.startsWith(PULL, at);
}

/** A call without the names of consumers, which are made up for each subscription: `$JS.API.CONSUMER.CREATE.{stream}`. */
export function callOf(subject: string): string {
  const at = apiAt(subject);
  const tokens = subject.slice(at).split('.');
  let n = 0;
  while (n < tokens.length && WORDS.has(tokens[n]!)) n++;
  return API + tokens.slice(0, n + 1).join('.');
}

/** What a subject of JetStream is about. */
export interface Consumer {
  readonly stream: string;
  readonly consumer: string;
}

/** Of a pull, `CONSUMER.MSG.NEXT.{stream}.{consumer}`. */
export function pulled(subject: string): Consumer {
  const [stream = '', consumer = ''] = subject.slice(apiAt(subject) + PULL.length).split('.');
  return { stream, consumer };
}

/**
 * Of `$JS.ACK.{stream}.{consumer}.{delivered}.{stream seq}.{consumer seq}.{time}.{pending}`, with the domain and a hash of the account in
 * front of the stream in newer servers (ADR-15).
 */
export function settled(subject: string): Consumer {
  const tokens = subject.split('.');
  const at = tokens.length >= 11 ? 4 : 2;
  return { stream: tokens[at] ?? '', consumer: tokens[at + 1] ?? '' };
}

/** Bytes of a payload that are looked at. */
export const MAX_LOOK = 256;

/** `messaging.operation.name` of what is said of a message; in progress: the answer is still to come. */
export const IN_PROGRESS = 'in_progress';
export function verdictOf(payload: string): string {
  if (payload.startsWith('-NAK')) return 'nack';
  if (payload.startsWith('+TERM')) return 'term';
  return payload.startsWith('+WPI') ? IN_PROGRESS : 'ack';
}

/** What the answer of a server is. */
export class Reply {
  /** A published message was stored, or could not be. */
  stored = false;
  /** As in HTTP; 0: no error. And the server's own number for it; 0 where it has none. */
  code = 0;
  errorCode = 0;
}

const REPLY = new Reply();
const RESPONSE = '{"type":"io.nats.jetstream.api.';
const FAILED = /^\{(?:"type":"[^"]*",)?\s*"error":\s*\{"code":(\d{3})(?:,\s*"err_code":(\d{5}))?/;
const STORED = /^\{"stream":"[^"]+",\s*(?:"domain":"[^"]*",\s*)?"seq":\d/;

/** Reads the beginning of an answer; null: it is not one of JetStream, but an application's. */
export function replyOf(payload: string): Reply | null {
  const ofApi = payload.startsWith(RESPONSE);
  const failed = FAILED.exec(payload);
  const stored = STORED.test(payload);
  // applications may have an `error` in their answers, too, but hardly one with such a number
  if (!ofApi && !stored && failed?.[2] === undefined) return null;
  REPLY.stored = !ofApi;
  REPLY.code = failed === null ? 0 : Number(failed[1]);
  REPLY.errorCode = Number(failed?.[2] ?? 0);
  return REPLY;
}

/** A pull that is under way. */
interface Pull {
  readonly exchange: Exchange;
  /** Of the subscription that takes what it brings. */
  readonly sid: string;
  readonly reply: string;
  /** Messages that it may still bring. */
  left: number;
}

/** Clients have one or two for each consumer, and one subscription for them, or one for each. */
const MAX_PULLS = 64;
/** A Pull, or a subscription, and its texts, about. */
export const PULL_BYTES = 256;

/**
 * The pulls of a connection, in the order in which servers serve them: each until it has what it asked for, or is told that there is no more.
 * What is delivered has the subject that it was published to; the subscription under whose id it comes tells which pull it answers, as long as all
 * pulls of that subscription have been seen.
 */
export class Pulls {
  readonly #pulls: Pull[] = [];
  /** Subjects of inboxes by the ids of their subscriptions. */
  readonly #inboxes = new Map<string, string>();

  get size(): number {
    return this.#pulls.length + this.#inboxes.size;
  }

  subscribed(subject: string, sid: string): void {
    if (this.#inboxes.size >= MAX_PULLS) this.#inboxes.delete(this.#inboxes.keys().next().value!);
    this.#inboxes.set(sid, subject);
  }

  unsubscribed(sid: string): void {
    this.#inboxes.delete(sid);
  }

  /** `payload`: what it asks for, `{"batch":n, ...}`, a number, or nothing. False: what it brings could not be told. */
  add(exchange: Exchange, reply: string, payload: string): boolean {
    const sid = this.#sidOf(reply);
    if (sid === '' || this.#pulls.length >= MAX_PULLS) return false;
    const batch = /^\s*(\d{1,9})\s*$|"batch"\s*:\s*(\d{1,9})/.exec(payload);
    const left = Math.max(1, Number(batch?.[1] ?? batch?.[2] ?? 1));
    this.#pulls.push({ exchange, sid, reply, left });
    return true;
  }

  /** A message comes to that subscription: the pull that it answers, if it is its first; null: it had one before, or none is known. */
  delivered(sid: string): Exchange | null {
    const i = this.#pulls.findIndex((p) => p.sid === sid);
    if (i < 0) return null;
    const p = this.#pulls[i]!;
    if (--p.left === 0) this.#pulls.splice(i, 1);
    return isUnanswered(p.exchange) ? p.exchange : null;
  }

  /** A pull with that reply subject brings nothing more; it, if it brought nothing at all. */
  ended(reply: string): Exchange | null {
    const i = this.#pulls.findIndex((p) => p.reply === reply);
    if (i < 0) return null;
    const [p] = this.#pulls.splice(i, 1);
    return isUnanswered(p!.exchange) ? p!.exchange : null;
  }

  /** What was asked for and delivered meanwhile is not known. Those that nothing has answered. */
  clear(): Exchange[] {
    this.#inboxes.clear();
    return this.#pulls.splice(0).flatMap((p) => (isUnanswered(p.exchange) ? [p.exchange] : []));
  }

  #sidOf(reply: string): string {
    for (const [sid, subject] of this.#inboxes) {
      if (subject === reply || (/\.[*>]$/.test(subject) && reply.startsWith(subject.slice(0, -1)))) return sid;
    }
    return '';
  }
}

/**
 * Deliveries whose acknowledgement is waited for. Consumers may be told to have none, and clients may acknowledge the last of many: the oldest
 * of more than that are not waited for any longer. Clients that work through a batch have fewer.
 */
const MAX_UNSETTLED = 256;
/** Nor is any for longer, ns: what is not acknowledged within 30 s is delivered again, unless the consumer was made with another time. */
const MAX_UNSETTLED_NS = 120e9;

/** Deliveries that may still be acknowledged, oldest first. */
export class Unsettled {
  readonly #out: Exchanges;
  readonly #list: Exchange[] = [];

  constructor(out: Exchanges) {
    this.#out = out;
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  add(x: Exchange): void {
    x.streams = true; // MAX_UNSETTLED_NS says how long it is waited for
    const list = this.#list;
    if (list.length >= MAX_UNSETTLED) {
      const open = list.filter((o) => o.outcome === IN_FLIGHT);
      if (open.length >= MAX_UNSETTLED) this.#out.unanswered(open.shift()!);
      list.splice(0, list.length, ...open);
    }
    list.push(x);
  }

  /** To be called whenever something passes: servers and clients ask each other every two minutes whether they are there. */
  sweep(nowNs: number): void {
    const list = this.#list;
    let n = 0;
    for (; n < list.length; n++) {
      const x = list[n]!;
      if (x.outcome !== IN_FLIGHT) continue;
      if (nowNs - x.startNs <= MAX_UNSETTLED_NS) break;
      this.#out.unanswered(x);
    }
    if (n > 0) list.splice(0, n);
  }

  /** The client says nothing more. */
  end(): void {
    for (const x of this.#list.splice(0)) if (x.outcome === IN_FLIGHT) this.#out.unanswered(x);
  }
}

const isUnanswered = (x: Exchange): boolean => x.outcome === IN_FLIGHT && Number.isNaN(x.firstByteNs);
