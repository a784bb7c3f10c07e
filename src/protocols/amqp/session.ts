import { type Exchange, IN_FLIGHT } from '../../exchange/exchange.ts';
import { type Dir, type Exchanges, type Table, TO_CLIENT, TO_SERVER, type Window } from '../protocol.ts';
import { type Channel, Channels, type Consumer, type Content, HEADER_DUE, NO_CONTENT } from './channel.ts';
import { AmqpDetail } from './exchange-detail.ts';

/** What is being said in one direction. */
export class Side {
  readonly dir: Dir;
  /** Takes what this end asks, and what it answers. */
  readonly asks: Exchanges;
  readonly answers: Exchanges;
  /** The frame whose rest is passing by. */
  passing = false;
  frameBytes = 0;
  /** Sequence number behind it. */
  seenSeq = 0;
  /** What it begins, and whether nothing answers that. */
  asking: Exchange | null = null;
  oneWay = false;
  /** What it answers. */
  readonly answering: Exchange[] = [];
  /** The message that it is a part of. */
  content: Content | null = null;
  /** The channel that it breaks off, or (`final`) of which it is the last word. */
  ending: Channel | null = null;
  final = false;

  constructor(dir: Dir, asks: Exchanges, answers: Exchanges) {
    this.dir = dir;
    this.asks = asks;
    this.answers = answers;
  }
}

/** What the frames of one connection share. */
export class Session {
  readonly sides: readonly [Side, Side];
  readonly channels: Channels;
  /** By channel and consumer tag. */
  readonly consumers: Table<Consumer>;

  constructor(out: Exchanges) {
    const back = out.reverse();
    this.sides = [new Side(TO_SERVER, out, back), new Side(TO_CLIENT, back, out)];
    this.channels = new Channels(out);
    this.consumers = out.table<Consumer>();
  }

  /** Bytes that travelled in that direction were lost. */
  gap(dir: Dir): void {
    const side = this.sides[dir];
    for (const x of side.answering) side.answers.truncate(x);
    side.answering.length = 0;
    side.asking = null;
    side.content = null;
    side.ending = null;
    side.passing = false;
    for (const c of this.channels.values()) this.#gapOn(c, side);
    if (dir === TO_SERVER) this.consumers.clear(); // a tag may mean another consumer now
    side.asks.requestsLost();
    side.answers.responsesLost();
  }

  #gapOn(c: Channel, side: Side): void {
    breakOff(c.content[side.dir], side);
    // what this end answered may have been among the lost bytes
    const asker = side.dir === TO_SERVER ? TO_CLIENT : TO_SERVER;
    const pending = c.pending[asker];
    // an end that waits had its other answers when it asked last
    const keep = pending.length > 0 && !c.pipelines[asker] ? 1 : 0;
    for (const x of pending.splice(0, pending.length - keep)) side.answers.truncate(x);
    c.doubtful[asker] = keep > 0;
    c.doubtfulKey[asker] = c.unsettled[asker].at(-1)?.key ?? 0;
    // with holes on both sides an answer may be to something that nobody saw, or the channel a new one of the same number
    if (c.pending[0].length + c.pending[1].length + c.unsettled[0].length + c.unsettled[1].length === 0) c.holes = 0;
    else {
      c.holes |= 1 << side.dir;
      if (c.holes === 3) this.forget(c);
    }
    if (side.dir === TO_SERVER) {
      c.confirms.reset();
      c.consumer = null;
    }
  }

  /** The channel was opened anew, and by then nothing can have been under way. */
  renew(c: Channel): void {
    this.forget(c);
    c.confirms.reset();
    c.consumer = null;
    c.closeCode = 0;
    c.doubtfulKey[0] = 0;
    c.doubtfulKey[1] = 0;
  }

  /** The message at `w.pos` was sent by an end that had received more from the other one than anybody saw. */
  knowsMore(side: Side, w: Window): boolean {
    return ((w.ackAt(w.pos) - this.sides[1 - side.dir]!.seenSeq) | 0) > 0;
  }

  /** What is under way on the channel cannot be told from what comes now. */
  forget(c: Channel): void {
    c.holes = 0;
    for (const side of this.sides) {
      for (const list of [c.pending[side.dir], c.unsettled[side.dir]]) {
        for (const x of list) if (x.outcome === IN_FLIGHT) side.asks.truncate(x);
        list.length = 0;
      }
    }
  }

  /** The channel (0: the connection) came to its end in front of `w.pos`; `except`: the method that says so waits for its answer. */
  end(c: Channel, final: boolean, except: Exchange | null, w: Window): void {
    for (const channel of c.id === 0 ? this.channels.values() : [c]) {
      this.#unanswered(channel, c.closeCode, except, w);
      if (final && channel.id !== 0) this.channels.delete(channel);
    }
  }

  /** Nothing that is under way gets an answer: because of an error with that code, or (0) because nobody wants one any more. */
  #unanswered(c: Channel, code: number, except: Exchange | null, w: Window): void {
    for (const side of this.sides) {
      for (const list of [c.pending[side.dir], c.unsettled[side.dir]]) {
        let kept = 0;
        for (const x of list) {
          if (x === except) list[kept++] = x;
          else if (x.outcome !== IN_FLIGHT) continue;
          else if (code === 0) side.asks.unanswered(x);
          else {
            x.reason = code;
            side.asks.abort(x, w);
          }
        }
        list.length = kept;
      }
    }
  }
}

/** A message of which the rest does not come. */
function breakOff(content: Content, side: Side): void {
  const { x } = content;
  content.phase = NO_CONTENT;
  content.x = null;
  if (x === null || x.outcome !== IN_FLIGHT) return;
  if (content.answers) side.answers.truncate(x);
  else side.asks.truncate(x);
}

/** A message begins on that channel with the frame at hand; `answers`: it is the response to `x`, else the request of it. */
export function expectContent(c: Channel, side: Side, x: Exchange | null, answers: boolean, oneWay: boolean): void {
  const content = c.content[side.dir];
  if (content.phase !== NO_CONTENT) breakOff(content, side);
  content.phase = HEADER_DUE;
  content.x = x;
  content.answers = answers;
  content.oneWay = oneWay;
  content.bytes = 0;
  side.content = content;
}

/** Memory may have been too short for the detail: then what is written goes nowhere. */
export const detailOf = (x: Exchange): AmqpDetail => (x.detail as AmqpDetail | null) ?? new AmqpDetail();
