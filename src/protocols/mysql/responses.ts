import type { Exchange } from '../../exchange/exchange.ts';
import { IN_ORDER, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import { AGAIN, AnswerReader, PASS } from './answer.ts';
import { answerTo, LOGIN, MAX_PACKET, NOTHING } from './commands.ts';
import { GREETING_HEAD, Greeting, MAX_GREETING, PROTOCOL_VERSION, readGreeting } from './handshake.ts';
import { EOF_LENGTH, MAX_OK } from './outcome.ts';
import { HEADER } from './packet.ts';
import { NO, type Session, YES } from './session.ts';
import { answerStart, greetingVerdict, NONE, SHORT, type Start, WEAK } from './starts.ts';

const GREETING = new Greeting();

/** The server's direction: the greeting, and the answers to commands. */
export class Responses {
  readonly #s: Session;
  readonly #reader: AnswerReader;
  /** Sequence number behind the last packet's; -1: not known. */
  #next = -1;
  /** The packet before had the greatest length: this one continues it. */
  #continued = false;
  /** Since the last answer's end packets came that belong to nothing known, or bytes were lost. */
  #astray = false;

  constructor(session: Session) {
    this.#s = session;
    this.#reader = new AnswerReader(session);
  }

  /** -1: behind `w.pos` packets travel inside compressed ones. */
  read(w: Window): Step | -1 {
    const reader = this.#reader;
    for (;;) {
      const within = reader.exchange !== null;
      if (within && !this.#continued) {
        if (reader.inRows) this.#next = reader.wholeRows(w, this.#next);
        else if (reader.ends(w)) {
          if (reader.finish(w)) return -1;
          continue;
        }
      }
      if (this.#s.streaming) {
        w.want = Number.POSITIVE_INFINITY;
        return SKIP;
      }
      if (w.end - w.pos < HEADER) {
        w.want = HEADER;
        return MORE;
      }
      const word = w.view.getUint32(w.pos, true);
      const length = word & MAX_PACKET;
      const sequence = word >>> 24;
      if (this.#continued) this.#continued = length === MAX_PACKET;
      else {
        if (w.end - w.pos === HEADER && length > 0) {
          w.want = HEADER + 1;
          return MORE;
        }
        const step =
          length === 0 ? PASS : within ? this.#goesOn(w, length, sequence) : this.#start(w, length, sequence);
        if (step === AGAIN) continue;
        if (step !== PASS) return step as Step;
        this.#continued = length === MAX_PACKET;
      }
      this.#next = (sequence + 1) & 255;
      if (w.end - w.pos < HEADER + length) {
        w.want = HEADER + length;
        return SKIP;
      }
      w.pos += HEADER + length;
    }
  }

  /** Inside compressed packets the numbers of a response need not follow each other. */
  #goesOn(w: Window, length: number, sequence: number): number {
    const numbered = this.#reader.numbered && this.#s.compressed !== YES;
    return numbered && sequence !== this.#next ? LOST : this.#reader.packet(w, length);
  }

  resync(w: Window): boolean {
    const { buf, pos, end } = w;
    const start = end - pos >= HEADER && buf[pos + 3] === 0 ? greetingVerdict(buf, pos, end) : this.#credible(w);
    if (start >= WEAK) return true;
    if (start === NONE || end - pos >= MAX_OK) w.pos = end;
    return false;
  }

  /** The answer that is expected next begins at `w.pos`: what was sent before the server had the request is another one. */
  #credible(w: Window): Start {
    const x = this.#s.out.expected(IN_ORDER);
    if (x === null || ((w.ackAt(w.pos) - x.requestHeadEnd) | 0) < 0) return NONE;
    if (w.end - w.pos <= HEADER) return SHORT;
    if (w.buf[w.pos + 3] !== firstNumber(x) && this.#s.compressed !== YES) return NONE;
    return answerStart(answerTo(x.operation), w.buf, w.pos, w.end);
  }

  gap(): void {
    const { out } = this.#s;
    if (this.#reader.exchange !== null) out.truncate(this.#reader.exchange);
    this.#reader.exchange = null;
    this.#continued = false;
    this.#next = -1;
    this.#astray = true;
    this.#s.answersLost();
    out.responsesLost();
  }

  #start(w: Window, length: number, sequence: number): number {
    const s = this.#s;
    const first = w.buf[w.pos + HEADER]!;
    if (sequence === 0 && first === PROTOCOL_VERSION && length <= MAX_GREETING) return this.#greeting(w, length);
    if (sequence === 0) return this.#pass();
    const x = s.out.expected(IN_ORDER);
    if (this.#continues(sequence, x)) {
      if (first === 0xfe && length === EOF_LENGTH && sequence === this.#next) s.withoutEof = NO;
      return this.#pass();
    }
    const answer = x === null ? NOTHING : answerTo(x.operation);
    if (answer === NOTHING) {
      s.out.answer(IN_ORDER, w, w.pos); // which tells that something was asked unseen
      return this.#pass();
    }
    const head = HEADER + Math.min(length, MAX_OK);
    if (w.end - w.pos < head && w.lacking === 0) {
      w.want = head;
      return MORE;
    }
    if (answerStart(answer, w.buf, w.pos, w.end) < WEAK) return LOST;
    const taken = s.out.answer(IN_ORDER, w, w.pos);
    if (taken === null) return this.#pass();
    this.#astray = false;
    this.#next = sequence;
    return this.#reader.begin(taken, answer, w, length);
  }

  /** The packet goes on with what is not read. Behind a loss only the right number can be the first of an answer. */
  #continues(sequence: number, x: Exchange | null): boolean {
    const first = x === null ? 1 : firstNumber(x);
    return sequence === first && !this.#astray
      ? false
      : sequence === this.#next || (this.#astray && sequence !== first);
  }

  #pass(): number {
    this.#astray = true;
    return PASS;
  }

  #greeting(w: Window, length: number): number {
    const at = w.pos + HEADER;
    const to = at + Math.min(length, GREETING_HEAD);
    const isCut = to > w.end;
    if (isCut && w.lacking === 0) {
      w.want = to - w.pos;
      return MORE;
    }
    if (readGreeting(w.buf, at, Math.min(to, w.end), isCut, GREETING)) this.#s.greet(GREETING.system, GREETING.flags);
    return PASS;
  }
}

/** Sequence number of the first packet that answers. */
const firstNumber = (x: Exchange): number => (x.operation === LOGIN ? 2 : 1);
