import { NO, type Protocol, TO_SERVER, UNSURE, type Verdict, type Window, YES } from '../protocol.ts';
import { PREPARED, RESULTS } from './commands.ts';
import { MAX_PACKED, OUTER_HEADER, unpack } from './compressed.ts';
import { COUNTERS } from './counters.ts';
import { MysqlDecoder } from './decoder.ts';
import { LOGIN_ZEROS, loginStart, MAX_GREETING } from './handshake.ts';
import { EOF_LENGTH, Outcome, readOk } from './outcome.ts';
import { CURSOR, HEADER, u24 } from './packet.ts';
import { mysqlSemantics } from './semantics.ts';
import { answerStart, commandStart, greetingVerdict, NONE, STRONG } from './starts.ts';

/** The most that a compressed command may hold for detection. */
const MAX_PROBED = 64 << 10;
/** Status flags that no server sets. */
const NO_STATUS = 0x8004;

const OUTCOME = new Outcome();

/** The protocol between clients and servers of MySQL and MariaDB. */
export const mysql: Protocol = {
  name: 'mysql',
  transport: 'tcp',
  pairing: 'in_order',
  ports: [3306, 3307, 4000, 6033],
  // Compressed packets stand in memory whole; the beginnings of others that are asked for are shorter.
  maxHead: MAX_PACKED + OUTER_HEADER,
  probe: (dir, w) => (dir === TO_SERVER ? clientVerdict(w) : serverVerdict(w)),
  open: (exchanges) => new MysqlDecoder(exchanges),
  semantics: mysqlSemantics,
  counters: COUNTERS,
};

function clientVerdict(w: Window): Verdict {
  const { buf, pos, end } = w;
  const here = end - pos;
  const start = commandStart(buf, pos, end);
  if (start === STRONG) return YES;
  if (start !== NONE) return UNSURE;
  if (buf[pos + 3] === 1) {
    if (!loginStart(buf, pos + HEADER, end, u24(buf, pos))) return NO;
    return here >= HEADER + LOGIN_ZEROS ? YES : UNSURE;
  }
  return packedVerdict(buf, pos, end);
}

/** A command in a compressed packet. */
function packedVerdict(buf: Buffer, pos: number, end: number): Verdict {
  const here = end - pos;
  const packed = u24(buf, pos);
  if (buf[pos + 3] !== 0 || packed < HEADER + 1) return NO;
  if (here <= OUTER_HEADER) return UNSURE;
  const size = u24(buf, pos + HEADER);
  const payload = pos + OUTER_HEADER;
  const behind = payload + packed;
  if (size === 0) {
    // One command, one packet: the lengths agree.
    if (here >= OUTER_HEADER + 3 && u24(buf, payload) + HEADER !== packed) return NO;
    const start = commandStart(buf, payload, Math.min(end, behind));
    return start === STRONG ? YES : start === NONE ? NO : UNSURE;
  }
  if (size > MAX_PROBED || behind > end) return NO;
  const data = unpack(buf, payload, behind, size);
  return data !== null && commandStart(data, 0, size) === STRONG ? YES : NO;
}

function serverVerdict(w: Window): Verdict {
  const { buf, pos, end } = w;
  const here = end - pos;
  if (here < HEADER) return UNSURE;
  const length = u24(buf, pos);
  if (length === 0 || length > MAX_GREETING) return NO;
  if (here === HEADER) return buf[pos + 3]! <= 1 ? UNSURE : NO;
  if (buf[pos + 3] === 0) return firstVerdict(buf, pos, end, length);
  return buf[pos + 3] === 1 ? answerVerdict(buf, pos, end, length) : NO;
}

/** A greeting, or the error that stands in its place. */
function firstVerdict(buf: Buffer, pos: number, end: number, length: number): Verdict {
  if (buf[pos + HEADER] === 0xff) return errorVerdict(buf, pos, end, length);
  const start = greetingVerdict(buf, pos, end);
  return start === STRONG ? YES : start === NONE ? NO : UNSURE;
}

function errorVerdict(buf: Buffer, pos: number, end: number, length: number): Verdict {
  const start = answerStart(RESULTS, buf, pos, end);
  if (start === NONE) return NO;
  return end - pos >= HEADER + Math.min(length, 16) && length >= 12 ? YES : UNSURE;
}

function answerVerdict(buf: Buffer, pos: number, end: number, length: number): Verdict {
  const at = pos + HEADER;
  const first = buf[at]!;
  if (first === 0xff) return errorVerdict(buf, pos, end, length);
  const next = at + length;
  if (first === 0) {
    if (answerStart(PREPARED, buf, pos, end) !== NONE && end > next + HEADER)
      return definitionFollows(buf, next, end) ? YES : NO;
    return okVerdict(buf, at, end, length);
  }
  const start = answerStart(RESULTS, buf, pos, end);
  if (start === STRONG) return YES;
  return start === NONE || end > next + 2 * HEADER ? NO : UNSURE;
}

const definitionFollows = (buf: Buffer, next: number, end: number): boolean =>
  buf[next + 3] === 2 && buf.toString('latin1', next + HEADER, Math.min(end, next + 2 * HEADER)) === '\x03def';

/** An OK packet that is all there is. */
function okVerdict(buf: Buffer, at: number, end: number, length: number): Verdict {
  if (at + length > end) return length < 64 ? UNSURE : NO;
  if (length < EOF_LENGTH + 2 || at + length < end || !readOk(buf, at, end, length, OUTCOME)) return NO;
  return (OUTCOME.flags & NO_STATUS) === 0 && CURSOR.at > at ? YES : NO;
}
