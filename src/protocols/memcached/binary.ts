/** The binary protocol: a header of 24 bytes, extras, key, value. */

import { Words } from '../../bytes/words.ts';
import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, IN_ORDER, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { ADMIN, MAX_KEY, OPERATIONS, type Operation, RETRIEVE, STAT_OPCODE } from './commands.ts';
import { MemcachedDetail, NO_TAG } from './exchange-detail.ts';
import type { Matcher } from './match.ts';
import { isWaiting, Requests } from './requests.ts';
import { binaryStatus } from './status.ts';
import { hashOf } from './syntax.ts';

export const REQUEST_MAGIC = 0x80;
export const RESPONSE_MAGIC = 0x81;
/**
 * 0 magic, 1 opcode, 2..3 length of the key, 4 length of the extras, 5 data type (always 0), 6..7 vbucket or status,
 * 8..11 length of extras, key and value, 12..15 opaque, 16..23 cas.
 */
const HEADER_BYTES = 24;
/** Items have at most 1 GiB (`-I`). */
const MAX_BODY = 2 ** 30 + 1024;

const KEYS = new Words();

export const NOT_A_HEADER = 0;
export const CUT_HEADER = 1;
export const A_HEADER = 2;

/** Whether a header with that magic stands at `w.pos`, as far as the window shows. */
export function headerAt(w: Window, magic: number): number {
  const { buf, pos } = w;
  const have = w.end - pos;
  if (have === 0) return CUT_HEADER;
  if (buf[pos] !== magic) return NOT_A_HEADER;
  const operation = have > 1 ? OPERATIONS[buf[pos + 1]!] : null;
  if (operation === undefined || (have > 5 && buf[pos + 5] !== 0)) return NOT_A_HEADER;
  if (have < HEADER_BYTES) return CUT_HEADER;
  const keyBytes = w.view.getUint16(pos + 2);
  const extraBytes = buf[pos + 4]!;
  const bodyBytes = w.view.getUint32(pos + 8);
  if (keyBytes > MAX_KEY || keyBytes + extraBytes > bodyBytes || bodyBytes > MAX_BODY) return NOT_A_HEADER;
  if (magic === RESPONSE_MAGIC) return binaryStatus(w.view.getUint16(pos + 6)) === undefined ? NOT_A_HEADER : A_HEADER;
  const { fewestExtras, mostExtras } = operation!;
  return extraBytes < fewestExtras || extraBytes > mostExtras ? NOT_A_HEADER : A_HEADER;
}

export class BinaryRequests extends Requests {
  #inBody = false;
  /** The last request if it was a quiet one, its opcode and what its answer is known by. */
  #lastQuiet: Exchange | null = null;
  #lastOpcode = -1;
  #lastTag = NO_TAG;

  override forget(): void {
    super.forget();
    this.#inBody = false;
  }

  decode(w: Window): Step {
    for (;;) {
      if (this.#inBody) {
        this.#inBody = false;
        this.finish(w);
      }
      const header = headerAt(w, REQUEST_MAGIC);
      if (header === NOT_A_HEADER) return LOST;
      if (header === CUT_HEADER) return more(w, HEADER_BYTES);
      const { buf, pos, view } = w;
      const operation = OPERATIONS[buf[pos + 1]!]!;
      const key = pos + HEADER_BYTES + buf[pos + 4]!;
      const keyEnd = key + view.getUint16(pos + 2);
      if ((operation.keyed || this.out.detail === FULL) && keyEnd > w.end) return more(w, keyEnd - pos);
      this.#begin(w, operation, key, keyEnd);
      const bodyBytes = view.getUint32(pos + 8);
      w.pos = pos + HEADER_BYTES;
      this.#inBody = true;
      if (bodyBytes > 0) {
        w.want = bodyBytes;
        return SKIP;
      }
    }
  }

  #begin(w: Window, operation: Operation, key: number, keyEnd: number): void {
    const { buf, pos, view } = w;
    const opcode = buf[pos + 1]!;
    const opaque = view.getUint32(pos + 12);
    const { command, quiet, keyed } = operation;
    // Answers to quiet requests are known by their key, or by their opaque value if the client takes a new one for each.
    const tag = keyed ? keyTag(buf, key, keyEnd) : opaque;
    const twin = quiet && opcode === this.#lastOpcode && tag === this.#lastTag;
    const last = this.#lastQuiet;
    if (twin && last !== null && isWaiting(last)) last.detail = null; // nothing is paired with it
    const untold = twin || (quiet && !keyed && opaque === 0);
    this.#lastQuiet = null;
    this.#lastOpcode = quiet ? opcode : -1; // what follows is answered behind the answer to this one
    this.#lastTag = tag;
    this.silent = untold || (quiet && command.kind === ADMIN);
    this.startOffset = w.base + pos;
    const x = this.out.begin(IN_ORDER, w, pos, pos + HEADER_BYTES);
    this.exchange = x;
    if (x === null) return;
    if (quiet) this.#lastQuiet = x;
    const d = new MemcachedDetail(command.kind, opcode, quiet, tag, 0);
    x.operation = command.name;
    x.target = command.name;
    x.detail = d;
    // The key of an authentication is its mechanism, and what follows is a password.
    if (command.keyAt === 0 || keyEnd === key) {
      x.statement = command.name;
      return;
    }
    d.keys = 1;
    if (this.out.detail !== FULL) return;
    const most = key + Math.max(0, this.out.maxStatementBytes - command.name.length - 1);
    x.statement = `${command.name} ${KEYS.text(buf, key, Math.min(keyEnd, most))}`;
    x.statementCut = Math.max(0, keyEnd - most);
  }
}

export class BinaryReplies {
  readonly #out: Exchanges;
  readonly #matcher: Matcher;
  #exchange: Exchange | null = null;
  #inBody = false;
  /** More messages of the same answer follow (statistics). */
  #more = false;
  #startOffset = 0;

  constructor(out: Exchanges, matcher: Matcher) {
    this.#out = out;
    this.#matcher = matcher;
  }

  forget(): void {
    if (this.#exchange !== null) this.#out.truncate(this.#exchange);
    this.#exchange = null;
    this.#inBody = false;
    this.#more = false;
  }

  decode(w: Window): Step {
    for (;;) {
      if (this.#inBody) this.#bodyEnds(w);
      const header = headerAt(w, RESPONSE_MAGIC);
      if (header === NOT_A_HEADER) return LOST;
      if (header === CUT_HEADER) return more(w, HEADER_BYTES);
      const { buf, pos, view } = w;
      const opcode = buf[pos + 1]!;
      const status = binaryStatus(view.getUint16(pos + 6))!;
      const bodyBytes = view.getUint32(pos + 8);
      if (!this.#more) {
        const { keyed } = OPERATIONS[opcode]!;
        const key = pos + HEADER_BYTES + buf[pos + 4]!;
        const keyEnd = key + view.getUint16(pos + 2);
        if (keyed && keyEnd > w.end) return more(w, keyEnd - pos);
        this.#startOffset = w.base + pos;
        this.#exchange = this.#answered(w, opcode, keyed ? keyTag(buf, key, keyEnd) : view.getUint32(pos + 12));
      }
      const x = this.#exchange;
      if (x !== null && x.outcome === IN_FLIGHT) {
        x.status = status.number;
        x.failed = status.isError;
        if ((OPERATIONS[opcode]!.command.kind & RETRIEVE) !== 0 && x.detail instanceof MemcachedDetail)
          x.detail.values = view.getUint16(pos + 6) === 0 ? 1 : 0;
      }
      this.#more = opcode === STAT_OPCODE && bodyBytes > 0 && view.getUint16(pos + 6) === 0;
      w.pos = pos + HEADER_BYTES;
      this.#inBody = true;
      if (bodyBytes > 0) {
        w.want = bodyBytes;
        return SKIP;
      }
    }
  }

  /** An answer to a quiet request without a key or an opaque value of its own is nobody's. */
  #answered(w: Window, opcode: number, tag: number): Exchange | null {
    const { quiet, keyed } = OPERATIONS[opcode]!;
    if (keyed && w.view.getUint16(w.pos + 2) === 0) {
      this.#out.responsesLost(); // an error, and any of them may have met it
      return null;
    }
    return quiet && !keyed && tag === 0 ? null : this.#matcher.binary(w, opcode, tag);
  }

  #bodyEnds(w: Window): void {
    this.#inBody = false;
    if (this.#more) return;
    const x = this.#exchange;
    this.#exchange = null;
    if (x === null) return;
    if (x.outcome === IN_FLIGHT) x.responseBytes = w.base + w.pos - this.#startOffset;
    this.#out.finish(x, w);
  }
}

/** Of keys, of which many may be asked for at once: 52 bits. */
function keyTag(buf: Buffer, from: number, to: number): number {
  let h = 0;
  for (let i = from; i < to; i++) h = (Math.imul(h, 31) + buf[i]!) | 0;
  return hashOf(buf, from, to) * 2 ** 22 + (h & 0x3fffff);
}

function more(w: Window, bytes: number): Step {
  w.want = bytes;
  return MORE;
}
