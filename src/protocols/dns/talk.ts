import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Exchanges, FULL, type Window } from '../protocol.ts';
import { DETAIL_BYTES, DnsDetail } from './exchange-detail.ts';
import type { Message } from './message.ts';
import { HEADER_BYTES } from './message.ts';
import { nameText } from './names.ts';
import { Records } from './records.ts';
import { A, AAAA, opcodeName, QUERY, typeName } from './registry.ts';

/** What one response told; it serves every connection, one message at a time. */
const RECORDS = new Records();

/** From messages to exchanges, over either transport. */
export class Talk {
  readonly #out: Exchanges;
  readonly #tcp: boolean;
  /** Key of the request that began last. */
  #lastKey = -1;

  constructor(out: Exchanges, tcp: boolean) {
    this.#out = out;
    this.#tcp = tcp;
  }

  /** The request `m` stands at `buf[at, to)`, what frames it included. Null: it is not followed. */
  ask(m: Message, w: Window, at: number, to: number): Exchange | null {
    const out = this.#out;
    if (!this.#tcp && this.#asksAgain(m, w)) return null;
    const x = out.begin(m.key, w, at, to);
    this.#lastKey = m.key;
    if (x === null) return null;
    if (m.opcode !== QUERY) x.operation = opcodeName(m.opcode);
    else x.operation = m.questions === 0 ? 'QUERY' : typeName(m.type);
    if (m.questions > 0) x.target = nameText(w.buf, m.start, m.start + HEADER_BYTES, m.end);
    let textBytes = 2 * x.target.length;
    if (out.detail === FULL) {
      x.detail = new DnsDetail(this.#tcp, m.opcode, m.type, x.startNs);
      textBytes += DETAIL_BYTES;
    }
    out.asked(x, textBytes);
    return x;
  }

  /** All of the request stands in front of `w.pos`. */
  asked(x: Exchange, w: Window, requestBytes: number): void {
    if (x.outcome !== IN_FLIGHT) return;
    x.requestEndNs = w.timeBefore();
    x.requestBytes = requestBytes;
    if (isMulticast(x)) this.#out.oneWay(x); // who answers does so from an address of its own
  }

  /** The response `m` stands at `buf[at]`, what frames it included. Null: nobody asked for it. Leaves its records in `this.records`. */
  answer(m: Message, w: Window, at: number): Exchange | null {
    const x = this.#out.answer(this.#keyOf(m), w, at);
    if (x === null) return null;
    const d = x.detail as DnsDetail | null;
    RECORDS.read(m, w.buf, d !== null);
    x.status = RECORDS.rcode;
    x.failed = x.status !== 0;
    if (d !== null) {
      d.truncated = m.truncated;
      d.answers = RECORDS.texts;
    }
    if (x.status === 0 && m.opcode === QUERY && (m.type === A || m.type === AAAA) && x.target !== '') {
      RECORDS.learn(m, w.buf, x.target.toLowerCase(), this.#out, w);
    }
    return x;
  }

  /** The response ends in front of `w.pos`. */
  finish(x: Exchange, w: Window, responseBytes: number): void {
    x.responseBytes = responseBytes;
    this.#out.finish(x, w);
  }

  /** The request that `m` would answer. */
  expected(m: Message): Exchange | null {
    return this.#out.expected(this.#keyOf(m));
  }

  get records(): Records {
    return RECORDS;
  }

  /** Requests were lost: which one was the last is not known any more. */
  forgetLast(): void {
    this.#lastKey = -1;
  }

  /** A datagram that got no answer is sent again as it was; and some are captured twice. */
  #asksAgain(m: Message, w: Window): boolean {
    const x = this.#out.expected(m.key);
    if (x === null) return false;
    const d = x.detail as DnsDetail | null;
    const nowNs = w.timeAt(w.pos);
    this.#out.repeated(x, nowNs - (d === null ? x.startNs : d.askedNs));
    if (d !== null) d.askedNs = nowNs;
    return true;
  }

  /** Servers that cannot read a request return an error without its question: it can only be the answer to what was asked last. */
  #keyOf(m: Message): number {
    return m.questions === 0 && this.#lastKey % 65_536 === m.id ? this.#lastKey : m.key;
  }
}

/** 224.0.0.0/4, ff00::/8. */
function isMulticast(x: Exchange): boolean {
  const e = x.ends;
  return e.ipVersion === 4 ? e.server3 >>> 28 === 14 : e.server0 >>> 24 === 0xff;
}
