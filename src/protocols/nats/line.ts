/** Control lines of the NATS client protocol: an operation, arguments between blanks, a line end; operations in any case. */

export const INFO = 1;
export const CONNECT = 2;
export const PUB = 3;
export const HPUB = 4;
export const SUB = 5;
export const UNSUB = 6;
export const MSG = 7;
export const HMSG = 8;
export const PING = 9;
export const PONG = 10;
export const OK = 11;
export const ERR = 12;

const WORDS = ['', 'INFO', 'CONNECT', 'PUB', 'HPUB', 'SUB', 'UNSUB', 'MSG', 'HMSG', 'PING', 'PONG', '+OK', '-ERR'].map(
  (w) => Buffer.from(w),
);

/** From a client only, from a server only: bits by operation. PING and PONG go both ways. */
const FROM_CLIENT = (1 << CONNECT) | (1 << PUB) | (1 << HPUB) | (1 << SUB) | (1 << UNSUB);
const FROM_SERVER = (1 << INFO) | (1 << MSG) | (1 << HMSG) | (1 << OK) | (1 << ERR);

/** May a line with that operation travel so? `toServer`: from client to server. */
export const travels = (operation: number, toServer: boolean): boolean =>
  ((toServer ? FROM_SERVER : FROM_CLIENT) & (1 << operation)) === 0;

const SPACE = 32;
const TAB = 9;
const BRACE = 0x7b;

const isBlank = (b: number): boolean => b === SPACE || b === TAB;

/** Longest message that servers may be told to take; their default is 1 MiB. */
const MAX_PAYLOAD = 64 << 20;
/** Arguments at most: subject, sid, reply, two sizes. */
const MAX_ARGUMENTS = 5;

/** The operation that begins at `at`; 0: none; -1: the bytes up to `end` could become one. `whole`: the line ends at `end`. */
export function operationAt(buf: Buffer, at: number, end: number, whole = false): number {
  for (let o = 1; o < WORDS.length; o++) {
    const word = WORDS[o]!;
    const n = Math.min(word.length, end - at);
    let i = 0;
    while (i < n && (buf[at + i]! & (word[i]! >= 0x40 ? 0xdf : 0xff)) === word[i]) i++;
    if (i < n) continue;
    if (n < word.length && whole) continue;
    if (at + word.length >= end) return whole ? o : -1;
    const next = buf[at + word.length]!;
    if (isBlank(next) || next === 13 || next === 10) return o;
  }
  return 0;
}

/** A control line taken apart. Offsets into the buffer it was read from. */
export class Line {
  operation = 0;
  subjectFrom = 0;
  subjectTo = 0;
  /** Id of the subscription (SUB, UNSUB, MSG, HMSG). */
  sidFrom = 0;
  sidTo = 0;
  /** Equal: there is no reply subject. */
  replyFrom = 0;
  replyTo = 0;
  /** Bytes of headers in front of the message, 0 without; and of both together. */
  headerBytes = 0;
  totalBytes = 0;
  /** Where the arguments begin. */
  argumentsFrom = 0;
  readonly #starts = new Int32Array(MAX_ARGUMENTS);
  readonly #ends = new Int32Array(MAX_ARGUMENTS);

  /** Reads the line `buf[at, to)`, line end excluded; false: it is none. */
  read(buf: Buffer, at: number, to: number): boolean {
    this.replyFrom = 0;
    this.replyTo = 0;
    this.headerBytes = 0;
    this.totalBytes = 0;
    this.operation = operationAt(buf, at, to, true);
    if (this.operation <= 0) return false;
    this.argumentsFrom = at + WORDS[this.operation]!.length;
    switch (this.operation) {
      case PUB:
        return this.#message(buf, to, 2, false);
      case HPUB:
        return this.#message(buf, to, 3, true);
      case MSG:
        return this.#message(buf, to, 3, false) && this.#sid(1);
      case HMSG:
        return this.#message(buf, to, 4, true) && this.#sid(1);
      case INFO:
      case CONNECT: {
        let i = this.argumentsFrom;
        while (i < to && isBlank(buf[i]!)) i++;
        return buf[i] === BRACE;
      }
      case SUB: {
        const n = this.#split(buf, to); // subject, maybe a queue group, sid
        this.subjectFrom = this.#starts[0]!;
        this.subjectTo = this.#ends[0]!;
        return n >= 2 && this.#sid(Math.min(n, 3) - 1);
      }
      case UNSUB:
        return this.#split(buf, to) >= 1 && this.#sid(0);
      default:
        return true;
    }
  }

  #sid(argument: number): boolean {
    this.sidFrom = this.#starts[argument]!;
    this.sidTo = this.#ends[argument]!;
    return true;
  }

  /** Subject, sid (MSG), maybe a reply subject, size of the headers (with H), size: `least` arguments without a reply. */
  #message(buf: Buffer, to: number, least: number, headers: boolean): boolean {
    const n = this.#split(buf, to);
    if (n !== least && n !== least + 1) return false;
    const starts = this.#starts;
    const ends = this.#ends;
    this.subjectFrom = starts[0]!;
    this.subjectTo = ends[0]!;
    const hasReply = n === least + 1;
    const reply = n - (headers ? 3 : 2);
    this.replyFrom = hasReply ? starts[reply]! : 0;
    this.replyTo = hasReply ? ends[reply]! : 0;
    this.totalBytes = number(buf, starts[n - 1]!, ends[n - 1]!);
    this.headerBytes = headers ? number(buf, starts[n - 2]!, ends[n - 2]!) : 0;
    return this.totalBytes >= 0 && this.headerBytes >= 0 && this.headerBytes <= this.totalBytes;
  }

  /** Finds the arguments; how many there are, more than MAX_ARGUMENTS for too many. */
  #split(buf: Buffer, to: number): number {
    let n = 0;
    for (let i = this.argumentsFrom; i < to; ) {
      while (i < to && isBlank(buf[i]!)) i++;
      if (i === to) break;
      if (n === MAX_ARGUMENTS) return n + 1;
      this.#starts[n] = i;
      while (i < to && !isBlank(buf[i]!)) {
        if (buf[i]! < SPACE || buf[i] === 0x7f) return 0;
        i++;
      }
      this.#ends[n++] = i;
    }
    return n;
  }
}

/** A decimal number, -1 if it is none or larger than any message. */
function number(buf: Buffer, from: number, to: number): number {
  if (to === from || to - from > 9) return -1;
  let n = 0;
  for (let i = from; i < to; i++) {
    const digit = buf[i]! - 48;
    if (digit < 0 || digit > 9) return -1;
    n = n * 10 + digit;
  }
  return n <= MAX_PAYLOAD ? n : -1;
}
