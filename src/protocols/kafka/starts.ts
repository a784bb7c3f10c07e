/** Whether a message credibly begins somewhere: for recognition, behind a hole, and among bytes that are no messages. */

import type { Exchange } from '../../exchange/exchange.ts';
import type { Window } from '../protocol.ts';
import { APIS, type Api, apiNamed, CONTROLLED_SHUTDOWN, PRODUCE } from './apis.ts';
import { ACKS, ERROR, GROUP, Layout, RECORDS, type Step, TOPIC, TOPIC_ID } from './layout.ts';
import { BROKEN, END, FOUND, Walker } from './walker.ts';
import {
  answeredIdAt,
  apiKeyAt,
  apiVersionAt,
  askedIdAt,
  MAX_MESSAGE_BYTES,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  SIZE_BYTES,
  sizeAt,
  skipTo,
} from './wire.ts';

/**
 * What requestStart() and responseStart() answer: this, or how many bytes from `w.pos` on have to be in the window. When they are
 * there it is a start.
 */
export const NOT_A_START = -1;

/** Client ids that people and libraries choose are shorter. */
const MAX_CLIENT_BYTES = 255;
/** Where a request was cut, so much of a client id has to be there; the shortest that a library chooses is `kgo`. */
const LEAST_CLIENT_BYTES = 3;
/** A topic in an answer: a name of one letter behind its length, and how many partitions. */
const LEAST_TOPIC_BYTES = 7;
/** Codes are assigned up to 133; a few more may come. */
const MAX_ERROR = 400;
/** An answer to ApiVersions that says so is written in version 0. */
const UNSUPPORTED_VERSION = 35;
/** Of versions newer than those that are known, so many are believed, if the client says who it is. */
const MAX_NEWER = 3;
/** Fields that are looked at. */
const MAX_FIELDS = 64;

/** Bytes of a message that must be there, if it has so many: half of what detection shows of each side. */
const LOOK_BYTES = 512;

const TAGGED = new Layout('').steps(0, true);
const WALKER = new Walker();
const PRODUCE_API = APIS[PRODUCE]!;

/** A request begins at `w.pos`: sterner than reading has to be. */
export function requestStart(w: Window): number {
  const there = w.end - w.pos;
  const needed = wholeRequestStart(w);
  if (needed <= there || !endsLacking(w, REQUEST_BYTES + 2 + LEAST_CLIENT_BYTES) || !namesClient(w)) return needed;
  return mayBeAnswer(w, w.pos) ? needed : there;
}

/** At least so many bytes of the message at `w.pos` are there, and it ends exactly where what is missing ends: a segment that was cut. */
function endsLacking(w: Window, least: number): boolean {
  return w.lacking > 0 && w.end - w.pos >= least && w.pos + SIZE_BYTES + sizeAt(w, w.pos) === w.end + w.lacking;
}

/**
 * The Produce at index `pos` may be an answer instead: to what was asked under the number that is its version, about as many topics as its correlation
 * id says, the first of which has the name of the client.
 */
const mayBeAnswer = (w: Window, pos: number): boolean =>
  apiKeyAt(w, pos) === PRODUCE && askedIdAt(w, pos) * LEAST_TOPIC_BYTES <= sizeAt(w, pos);

const namesClient = (w: Window): boolean => w.view.getInt16(w.pos + REQUEST_BYTES) >= LEAST_CLIENT_BYTES;

function wholeRequestStart(w: Window): number {
  const { pos, buf, view } = w;
  const there = w.end - pos;
  if (there < SIZE_BYTES) return SIZE_BYTES;
  const size = sizeAt(w, pos);
  const least = REQUEST_BYTES - SIZE_BYTES;
  if (size < least || size > MAX_MESSAGE_BYTES) return NOT_A_START;
  if (there < SIZE_BYTES + 2) return SIZE_BYTES + 2;
  const api = APIS[apiKeyAt(w, pos)];
  if (api === undefined) return NOT_A_START;
  if (there < SIZE_BYTES + 4) return SIZE_BYTES + 4;
  const version = apiVersionAt(w, pos);
  if (version < 0 || version > api.newest + MAX_NEWER) return NOT_A_START;
  if (there < REQUEST_BYTES) return REQUEST_BYTES;
  if (askedIdAt(w, pos) < 0) return NOT_A_START;
  if (api.key === CONTROLLED_SHUTDOWN && version === 0) return size === least + 4 ? REQUEST_BYTES : NOT_A_START;
  if (size < least + 2) return NOT_A_START;
  if (there < REQUEST_BYTES + 2) return REQUEST_BYTES + 2;
  const bytes = Math.max(0, view.getInt16(pos + REQUEST_BYTES));
  const from = pos + REQUEST_BYTES + 2;
  if (view.getInt16(pos + REQUEST_BYTES) < -1 || bytes > MAX_CLIENT_BYTES || bytes > size - least - 2)
    return NOT_A_START;
  if (!isText(buf, from, Math.min(from + bytes, w.end))) return NOT_A_START;
  if (from + bytes > w.end) return from + bytes - pos;
  if (version > api.newest && (bytes === 0 || !api.isFlexible(version))) return NOT_A_START;
  return bodyStart(w, api, version, from + bytes, pos + SIZE_BYTES + size);
}

/** What follows the client id at index `at`, as far as it is in the window, is that API's; `end`: behind the message. */
function bodyStart(w: Window, api: Api, version: number, at: number, end: number): number {
  const { pos } = w;
  const needed = Math.min(end - pos, LOOK_BYTES);
  const tagged = api.isFlexible(version);
  if (tagged && at >= w.end) return at < end ? Math.max(needed, at + 1 - pos) : NOT_A_START;
  if (tagged && w.buf[at] !== 0) return NOT_A_START; // no client sends tagged fields in the header
  const body = api.request(version);
  if (body === null && w.view.getInt16(pos + REQUEST_BYTES) <= 0) return NOT_A_START; // neither who asks, nor what
  w.pos = tagged ? at + 1 : at;
  const good = body === null ? version <= api.newest || isAsked(w, pos, end) : fits(w, body, end);
  w.pos = pos;
  return good ? needed : NOT_A_START;
}

/** What may be a Produce of a version that nobody knows, with its body at `w.pos`, speaks of a topic, as far as the window shows. */
function isAsked(w: Window, pos: number, end: number): boolean {
  if (!mayBeAnswer(w, pos)) return true;
  const walker = WALKER;
  walker.begin(PRODUCE_API.request(PRODUCE_API.newest)!, w.base + end);
  for (;;) {
    const step = walker.next(w);
    if (step !== FOUND) return step !== BROKEN && step !== END;
    if (!isCredible(w, walker)) return false;
    if (walker.role === TOPIC || walker.role === TOPIC_ID) return true;
  }
}

/** A message with that layout, whose next field begins at `w.pos`, goes up to index `end`, which may be far behind the window. */
function fits(w: Window, body: readonly Step[], end: number): boolean {
  const walker = WALKER;
  walker.begin(body, w.base + end);
  for (let fields = 0; fields < MAX_FIELDS; fields++) {
    const step = walker.next(w);
    if (step === BROKEN) return false;
    if (step === END) return walker.open || w.pos === end;
    if (step !== FOUND) return true;
    if (!isCredible(w, walker)) return false;
    if (walker.role === ERROR && walker.value === UNSUPPORTED_VERSION) return true;
    if (walker.role === RECORDS && !skipTo(w, w.base + w.pos + walker.bytes)) return true;
  }
  return true;
}

function isCredible(w: Window, walker: Walker): boolean {
  switch (walker.role) {
    case ERROR:
      return walker.value >= -1 && walker.value <= MAX_ERROR;
    case ACKS:
      return walker.value >= -1 && walker.value <= 1;
    case GROUP:
      return walker.to > walker.from;
    case TOPIC:
      return isTopic(w.buf, walker.from, walker.to);
    default:
      return true;
  }
}

/** Who knows what was asked. */
export interface Asked {
  /** The request with that correlation id, if it may be answered next. */
  expected(id: number): Exchange | null;
}

/** A response to a request that is under way begins at `w.pos`. */
export function responseStart(w: Window, asked: Asked): number {
  const { pos } = w;
  const there = w.end - pos;
  if (there < SIZE_BYTES) return SIZE_BYTES;
  const size = sizeAt(w, pos);
  if (size < RESPONSE_BYTES - SIZE_BYTES || size > MAX_MESSAGE_BYTES) return NOT_A_START;
  if (there < RESPONSE_BYTES) return RESPONSE_BYTES;
  const x = asked.expected(answeredIdAt(w, pos));
  if (x === null) return NOT_A_START;
  const needed = Math.min(SIZE_BYTES + size, LOOK_BYTES);
  if (!answers(w, x, pos + SIZE_BYTES + size)) return NOT_A_START;
  return needed > there && endsLacking(w, RESPONSE_BYTES) ? there : needed;
}

/** The response at `w.pos`, up to index `end`, is of the form that the request asks for. */
function answers(w: Window, x: Exchange, end: number): boolean {
  const api = apiNamed(x.operation);
  const body = api === null ? null : api.response(x.version);
  if (api === null || body === null) return true;
  const { pos } = w;
  w.pos += RESPONSE_BYTES;
  let step = END;
  if (api.hasTaggedResponse(x.version)) {
    WALKER.begin(TAGGED, w.base + end);
    step = WALKER.next(w);
  }
  const good = step === END ? fits(w, body, end) : step !== BROKEN;
  w.pos = pos;
  return good;
}

/** The request that begins at `w.pos` is followed by another one, or by nothing that the window shows. */
export function isRequestFollowed(w: Window): boolean {
  const { pos } = w;
  w.pos += SIZE_BYTES + sizeAt(w, pos);
  const good = w.pos >= w.end || requestStart(w) !== NOT_A_START;
  w.pos = pos;
  return good;
}

/** The same of a response; what it answers need not be known. */
export function isResponseFollowed(w: Window): boolean {
  const next = w.pos + SIZE_BYTES + sizeAt(w, w.pos);
  if (next + SIZE_BYTES > w.end) return true;
  const size = sizeAt(w, next);
  return size >= RESPONSE_BYTES - SIZE_BYTES && size <= MAX_MESSAGE_BYTES;
}

/** No control characters. */
function isText(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (buf[i]! < 32 || buf[i] === 127) return false;
  return true;
}

/** Letters, digits, `.`, `_` and `-` (`org.apache.kafka.common.internals.Topic`). */
function isTopic(buf: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    if (b === 45 || b === 46 || b === 95 || (b >= 48 && b <= 57)) continue;
    const letter = b | 32;
    if (letter < 97 || letter > 122) return false;
  }
  return to > from;
}
