import { AddressTexts } from '../../bytes/address-texts.ts';
import type { Exchanges, Window } from '../protocol.ts';
import { type Message, word } from './message.ts';
import { nameEnd, nameText } from './names.ts';
import { A, AAAA, CNAME, DNAME, INTERNET, MX, NS, OPT, PTR, SRV } from './registry.ts';

/** Behind a record's name: type, class, time to live, length of the data (RFC 1035 section 4.1.3). */
const RECORD_REST = 10;
/** Answers that are told and learnt; a resolver's answer rarely has more, and they are alike. */
const MAX_TOLD = 16;
/** A name of 255 bytes in which every byte is escaped is four times as long. */
export const MAX_ANSWER_CHARS = 1024;

const ADDRESSES = new AddressTexts();
/** The texts of one message, until their number is known. */
const TOLD: string[] = new Array<string>(MAX_TOLD).fill('');
const NONE: readonly string[] = [];

/** What the records of a response say, filled anew by each `read`. */
export class Records {
  /** With the upper eight bits that EDNS adds (RFC 6891 section 6.1.3). */
  rcode = 0;
  /** Types of the first and the last record of the answer section; 0 when there is none, or none was reached. */
  firstType = 0;
  lastType = 0;
  /** Answers that were reached, of `Message.answers`. */
  reached = 0;
  /** Addresses and names among the answers, in their order; empty when texts are not wanted. */
  texts: readonly string[] = NONE;
  // of the record at hand
  #type = 0;
  #class = 0;
  #ttlSec = 0;
  #data = 0;
  #end = 0;
  /** In TOLD. */
  #texts = 0;

  /** `told`: texts are wanted. */
  read(m: Message, buf: Buffer, told: boolean): void {
    this.rcode = m.rcode;
    this.firstType = 0;
    this.lastType = 0;
    this.reached = 0;
    this.#texts = 0;
    this.#readAll(m, buf, told);
    this.texts = this.#texts === 0 ? NONE : TOLD.slice(0, this.#texts);
  }

  #readAll(m: Message, buf: Buffer, told: boolean): void {
    const authority = m.answers + m.authorities;
    const all = authority + m.additionals;
    let at = m.records;
    // at least 11 bytes each, so the bytes end the loop where the counts lie
    for (let i = 0; i < all; i++) {
      if (!this.#move(buf, at, m.end)) return;
      at = this.#end;
      if (i < m.answers) {
        if (i === 0) this.firstType = this.#type;
        this.lastType = this.#type;
        this.reached = i + 1;
        if (told && i < MAX_TOLD) this.#tell(m, buf);
      } else if (this.#type === OPT && i >= authority) {
        this.rcode |= this.#ttlHigh(buf) << 4;
        return;
      }
    }
  }

  /** Offers the addresses among the answers under the name that was asked for. */
  learn(m: Message, buf: Buffer, name: string, out: Exchanges, w: Window): void {
    // What stands at the head of a chain of aliases lives no longer than any of them.
    let ttlSec = Number.POSITIVE_INFINITY;
    let at = m.records;
    for (let i = 0; i < m.answers && i < MAX_TOLD; i++) {
      if (!this.#move(buf, at, m.end)) return;
      at = this.#end;
      if (this.#class !== INTERNET) continue;
      ttlSec = Math.min(ttlSec, this.#ttlSec);
      const d = this.#data;
      const length = at - d;
      if (this.#type === A && length === 4) out.learn(4, 0, 0, 0, buf.readInt32BE(d), name, ttlSec, w);
      else if (this.#type === AAAA && length === 16) {
        const last = buf.readInt32BE(d + 12);
        out.learn(6, buf.readInt32BE(d), buf.readInt32BE(d + 4), buf.readInt32BE(d + 8), last, name, ttlSec, w);
      }
    }
  }

  /** Takes in the record at `at`; false: it is none, or goes beyond `end`. */
  #move(buf: Buffer, at: number, end: number): boolean {
    const rest = nameEnd(buf, at, end);
    if (rest < 0 || rest + RECORD_REST > end) return false;
    this.#type = word(buf, rest);
    this.#class = word(buf, rest + 2) & 0x7fff; // multicast DNS has a bit of its own there (RFC 6762 section 10.2)
    const ttl = buf.readInt32BE(rest + 4);
    this.#ttlSec = ttl < 0 ? 0 : ttl; // RFC 2181 section 8
    this.#data = rest + RECORD_REST;
    this.#end = this.#data + word(buf, rest + 8);
    return this.#end <= end;
  }

  #ttlHigh(buf: Buffer): number {
    return buf[this.#data - 6]!;
  }

  #tell(m: Message, buf: Buffer): void {
    const d = this.#data;
    const length = this.#end - d;
    let text = '';
    switch (this.#type) {
      case A:
        if (length === 4) text = ADDRESSES.text(4, 0, 0, 0, buf.readInt32BE(d));
        break;
      case AAAA:
        if (length === 16) {
          text = ADDRESSES.text(
            6,
            buf.readInt32BE(d),
            buf.readInt32BE(d + 4),
            buf.readInt32BE(d + 8),
            buf.readInt32BE(d + 12),
          );
        }
        break;
      case CNAME:
      case DNAME:
      case NS:
      case PTR:
        text = nameText(buf, m.start, d, this.#end);
        break;
      case MX: // behind the preference
        text = nameText(buf, m.start, d + 2, this.#end);
        break;
      case SRV: // behind priority, weight and port
        text = nameText(buf, m.start, d + 6, this.#end);
        break;
    }
    if (text !== '') TOLD[this.#texts++] = text;
  }
}
