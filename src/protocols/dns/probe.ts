import { NO, TO_SERVER, UNSURE, type Verdict, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { HEADER_BYTES, QUESTION_REST, word } from './message.ts';
import { MAX_NAME_BYTES, nameEnd } from './names.ts';
import { knownClass, knownOpcode, knownRcode, knownType, NB, QUERY, SRV, STATEFUL } from './registry.ts';

/** What a judgement says of the bytes at hand. */
export const NOTHING = 0;
export const TOO_SHORT = 1;
export const ASKS = 2;
export const ANSWERS = 3;
export type Judgement = 0 | 1 | 2 | 3;

/** The smallest record: the root's name, type, class, time to live, length. */
const RECORD_BYTES = 11;
/** The smallest question: the root's name, type, class. */
const QUESTION_BYTES = 5;
/** Cookie or options (OPT), and a signature (TSIG or SIG(0)). */
const MAX_ADDITIONALS = 3;

/** Encoded names of NetBIOS (RFC 1002): one label of 32 letters from A to P. */
const NETBIOS_BYTES = 32;

/**
 * Is `buf[from, to)` (the beginning of) a message of DNS with one question? Sterner than reading has to be: each bit that must be zero,
 * each value that must be assigned. `length`: the whole message's; -1: not known, and all that there is stands in front of `to`.
 */
export function judge(buf: Buffer, from: number, to: number, length: number): Judgement {
  const n = to - from;
  const short = length < 0 ? NOTHING : TOO_SHORT;
  if (length >= 0 && length < HEADER_BYTES) return NOTHING;
  if (n >= 3 && !credibleFlags(buf[from + 2]!)) return NOTHING;
  if (n >= 6 && word(buf, from + 4) > 1) return NOTHING;
  if (n < HEADER_BYTES) return short;
  const response = buf[from + 2]! >= 0x80;
  if ((buf[from + 3]! & 0x40) !== 0) return NOTHING; // Z
  const rcode = buf[from + 3]! & 15;
  if (response ? !knownRcode(rcode) : rcode !== 0) return NOTHING;
  const answers = word(buf, from + 6);
  const authorities = word(buf, from + 8);
  const additionals = word(buf, from + 10);
  const records = answers + authorities + additionals;
  if (word(buf, from + 4) === 0) {
    // a server that could not read the question returns a header alone
    const bare = (length < 0 ? n : length) === HEADER_BYTES && records === 0;
    return response && rcode !== 0 && bare ? ANSWERS : NOTHING;
  }
  if (length >= 0 && HEADER_BYTES + QUESTION_BYTES + RECORD_BYTES * records > length) return NOTHING;
  if (!response) {
    if (additionals > MAX_ADDITIONALS) return NOTHING;
    // the authority section of IXFR holds the client's SOA record; notifications and updates may bring more
    if (((buf[from + 2]! >>> 3) & 15) === QUERY && (answers > 0 || authorities > 1)) return NOTHING;
  }
  return judgeQuestion(buf, from + HEADER_BYTES, to, length < 0 ? -1 : from + length, records, response);
}

/** QR, opcode, AA, TC, RD. A question is never cut short, and has no authority. */
function credibleFlags(flags: number): boolean {
  const opcode = (flags >>> 3) & 15;
  if (!knownOpcode(opcode) || opcode === STATEFUL) return false;
  return flags >= 0x80 || opcode !== QUERY || (flags & 0x06) === 0;
}

/** The question at `buf[at]`, and where the message is to end (-1: at `to`, or it was cut). */
function judgeQuestion(
  buf: Buffer,
  at: number,
  to: number,
  end: number,
  records: number,
  response: boolean,
): Judgement {
  const short = end < 0 ? NOTHING : TOO_SHORT;
  let i = at;
  for (;;) {
    if (i >= to) return short;
    const n = buf[i]!;
    if (n === 0) break;
    const next = i + n + 1;
    if (n > 63 || next - at >= MAX_NAME_BYTES || (end >= 0 && next > end)) return NOTHING;
    for (let j = i + 1; j < next && j < to; j++) if (buf[j]! < 32 || buf[j] === 127) return NOTHING;
    i = next;
  }
  i++;
  if (end >= 0 && i + QUESTION_REST > end) return NOTHING;
  if (i + QUESTION_REST > to) return short;
  const type = word(buf, i);
  if (!knownType(type) || !knownClass(word(buf, i + 2) & 0x7fff)) return NOTHING;
  if ((type === NB || type === SRV) && isNetbios(buf, at)) return NOTHING;
  i += QUESTION_REST;
  if (records === 0) {
    if (i !== (end < 0 ? to : end)) return NOTHING;
  } else if (!credibleRecord(buf, i, to, end)) return NOTHING;
  return response ? ANSWERS : ASKS;
}

/** The first record, as far as it is there. */
function credibleRecord(buf: Buffer, at: number, to: number, end: number): boolean {
  const rest = nameEnd(buf, at, to);
  if (rest < 0) return to - at < MAX_NAME_BYTES && (at === to || buf[at]! < 64 || buf[at]! >= 0xc0);
  if (rest + 10 > to) return true;
  return word(buf, rest) !== 0 && (end < 0 || rest + 10 + word(buf, rest + 8) <= end);
}

function isNetbios(buf: Buffer, at: number): boolean {
  if (buf[at] !== NETBIOS_BYTES) return false;
  for (let i = at + 1; i <= at + NETBIOS_BYTES; i++) if (buf[i]! < 65 || buf[i]! > 80) return false;
  return true;
}

const verdict = (j: Judgement, toServer: boolean): Verdict => {
  if (j === NOTHING) return NO;
  if (j === TOO_SHORT) return UNSURE;
  return (j === ASKS) === toServer ? YES : YES_REVERSED;
};

export const probeDatagram = (dir: number, w: Window): Verdict =>
  verdict(judge(w.buf, w.pos, w.end, -1), dir === TO_SERVER);

export const probeStream = (dir: number, w: Window): Verdict =>
  verdict(judgeStream(w.buf, w.pos, w.end), dir === TO_SERVER);

/** Requests beyond that are updates, and do not open a connection. */
const MAX_OPENING_REQUEST = 1024;

/** A message behind the two bytes of its length (RFC 1035 section 4.2.2), and whatever of the next one is there. */
export function judgeStream(buf: Buffer, from: number, to: number): Judgement {
  if (to - from < 2) return TOO_SHORT;
  const length = word(buf, from);
  const end = from + 2 + length;
  const first = judge(buf, from + 2, Math.min(to, end), length);
  if (first === ASKS && length > MAX_OPENING_REQUEST) return NOTHING;
  if (first <= TOO_SHORT || to - end < 2) return first;
  const next = word(buf, end);
  return next < HEADER_BYTES || judge(buf, end + 2, Math.min(to, end + 2 + next), next) === NOTHING ? NOTHING : first;
}
