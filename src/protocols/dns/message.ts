import { nameEnd, nameHash } from './names.ts';
import { knownOpcode } from './registry.ts';

/**
 * RFC 1035 section 4.1.1:
 *
 *     0      2       4         6         8         10        12
 *     | id   | flags | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT | questions, answers, authorities, additional records
 *
 * flags: QR, opcode (4 bits), AA, TC, RD | RA, Z, AD, CD, rcode (4 bits).
 */
export const HEADER_BYTES = 12;
/** Behind a question's name: type and class. */
export const QUESTION_REST = 4;
/** There is one question (RFC 9619); only multicast DNS asks several at once. */
const MAX_QUESTIONS = 32;

const SEED = 0x811c9dc5 | 0;

/** Header and questions of the message that was read last. */
export class Message {
  /** The message is `buf[start, end)`; it may have been cut short behind `end`. */
  start = 0;
  end = 0;
  id = 0;
  response = false;
  opcode = 0;
  truncated = false;
  /** The header's four bits of it. */
  rcode = 0;
  questions = 0;
  answers = 0;
  authorities = 0;
  additionals = 0;
  /** Of the first question; 0 when there is none. */
  type = 0;
  /** Index behind the questions. */
  records = 0;
  /**
   * What tells requests under way on one connection apart: the id and, 32 bits above it, a hash of the questions. An answer to another
   * question under the same id does not belong to the request.
   */
  key = 0;

  /** Reads `buf[from, to)`. False: it is no message of DNS, or cut within its questions. */
  read(buf: Buffer, from: number, to: number): boolean {
    if (to - from < HEADER_BYTES) return false;
    this.start = from;
    this.end = to;
    this.id = word(buf, from);
    const flags = word(buf, from + 2);
    this.response = flags >>> 15 === 1;
    this.opcode = (flags >>> 11) & 15;
    this.truncated = (flags & 0x0200) !== 0;
    this.rcode = flags & 15;
    this.questions = word(buf, from + 4);
    this.answers = word(buf, from + 6);
    this.authorities = word(buf, from + 8);
    this.additionals = word(buf, from + 10);
    if (!knownOpcode(this.opcode) || this.questions > MAX_QUESTIONS) return false;
    return this.#readQuestions(buf, from + HEADER_BYTES, to);
  }

  #readQuestions(buf: Buffer, from: number, to: number): boolean {
    let hash = SEED;
    let at = from;
    this.type = 0;
    for (let i = 0; i < this.questions; i++) {
      const end = nameEnd(buf, at, to);
      if (end < 0 || end + QUESTION_REST > to) return false;
      const type = word(buf, end);
      if (i === 0) this.type = type;
      hash = Math.imul(nameHash(buf, at, end, hash) ^ type, 0x01000193) ^ word(buf, end + 2);
      at = end + QUESTION_REST;
    }
    this.records = at;
    this.key = (hash >>> 0) * 65_536 + this.id;
    return true;
  }
}

export const word = (buf: Buffer, at: number): number => (buf[at]! << 8) | buf[at + 1]!;
