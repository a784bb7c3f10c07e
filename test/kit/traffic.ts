/** Traffic between a client and a server as a capture between them sees it, with thousands of exchanges and their true pairs. */

import assert from 'node:assert/strict';
import { ACK, CLIENT, FIN, type Frame, type Link, type Party, SERVER, SYN } from './frame.ts';
import { answered, untold } from './oracle.ts';
import type { Random } from './random.ts';
import { type Found, Rig } from './run.ts';

/** How to word request and response number `id`, and how to read the number back from what the pipeline says was asked. */
export interface Dialogue {
  request(id: number, random: Random): Buffer;
  response(id: number, random: Random): Buffer;
  /** The status that response number `id` carries. */
  status(id: number): number;
  asked(target: string, found: Found): number;
}

/** `serial`: the next request waits for the response; `burst`: four requests, then four responses; `depth`: always four under way. */
export type Style = 'serial' | 'burst' | 'depth';

const DEPTH = 4;
const MSS = 536;
/** From an end to the capture, and from the capture to the other end. */
const HOP_NS = 200_000;

interface Passing {
  readonly atNs: number;
  readonly frame: Frame;
}

/** A segment as its sender sends it; `from` is -1 for a bare acknowledgement, whose numbers follow from the time. */
interface Sending {
  readonly sentNs: number;
  readonly side: Party;
  readonly flags: number;
  readonly from: number;
  readonly payload: Buffer;
}

/** One connection: `count` exchanges, ids from `firstId` on. What is sent passes the capture half-way, nothing is lost between the ends. */
export class Talk {
  readonly frames: readonly Passing[];
  /** When the first byte of request and response passed, by id; the times of all segments of a talk differ. */
  readonly requestNs = new Map<number, number>();
  readonly responseNs = new Map<number, number>();
  readonly #random: Random;
  readonly #dialogue: Dialogue;
  readonly #sendings: Sending[] = [];
  readonly #sent: [number, number] = [0, 0];
  readonly #lastNs: [number, number] = [0, 0];

  constructor(
    l: Link,
    style: Style,
    count: number,
    firstId: number,
    startNs: number,
    random: Random,
    dialogue: Dialogue,
  ) {
    this.#random = random;
    this.#dialogue = dialogue;
    this.#put(CLIENT, SYN, 0, NOTHING, startNs);
    this.#put(SERVER, SYN | ACK, 0, NOTHING, startNs + 2 * HOP_NS);
    this.#run(style, count, firstId, startNs + 4 * HOP_NS);
    this.frames = onTheWay(l, this.#sendings);
  }

  /** The server answers in order, one at a time; the client asks as its style says. */
  #run(style: Style, count: number, firstId: number, startNs: number): void {
    const random = this.#random;
    const asked: number[] = []; // arrival of the whole request at the server
    const answered: number[] = []; // arrival of the whole response at the client
    let freeNs = 0;
    let clientNs = startNs;
    for (let i = 0, j = 0; j < count; ) {
      if (i < count && this.#mayAsk(style, i, j)) {
        const thinkNs = random.between(10_000, 400_000) + (random.chance(0.01) ? 7e9 : 0);
        clientNs = this.#askFrom(style, i, answered, clientNs) + thinkNs;
        asked.push(
          this.#send(CLIENT, this.#dialogue.request(firstId + i, random), clientNs, this.requestNs, firstId + i),
        );
        i++;
      } else {
        freeNs = Math.max(freeNs, asked[j]!) + random.between(20_000, 3_000_000);
        answered.push(
          this.#send(SERVER, this.#dialogue.response(firstId + j, random), freeNs, this.responseNs, firstId + j),
        );
        j++;
      }
    }
    const endNs = Math.max(clientNs, answered.at(-1)!) + 1_000_000;
    this.#put(CLIENT, ACK | FIN, this.#sent[CLIENT], NOTHING, endNs);
    this.#put(SERVER, ACK | FIN, this.#sent[SERVER], NOTHING, endNs + 2 * HOP_NS);
  }

  #mayAsk(style: Style, i: number, j: number): boolean {
    if (style === 'serial') return i === j;
    if (style === 'depth') return i < j + DEPTH;
    return i < (Math.floor(j / DEPTH) + 1) * DEPTH;
  }

  /** When the client knows that it may send request `i`. */
  #askFrom(style: Style, i: number, answered: readonly number[], clientNs: number): number {
    let needed = i - 1;
    if (style === 'depth') needed = i - DEPTH;
    else if (style === 'burst') needed = Math.floor(i / DEPTH) * DEPTH - 1;
    return needed < 0 ? clientNs : Math.max(clientNs, answered[needed]!);
  }

  /** Sends a message in segments; returns when its last byte arrives at the other end. */
  #send(side: Party, message: Buffer, atNs: number, times: Map<number, number>, id: number): number {
    let sentNs = Math.max(atNs, this.#lastNs[side]);
    for (let from = 0; from < message.length; from += MSS) {
      const payload = message.subarray(from, from + MSS);
      sentNs += this.#random.between(5000, 8000);
      if (from === 0) times.set(id, sentNs + HOP_NS);
      this.#put(side, ACK, this.#sent[side], payload, sentNs);
      this.#sent[side] += payload.length;
      const peer = side === CLIENT ? SERVER : CLIENT;
      if (this.#random.chance(0.5)) this.#put(peer, ACK, -1, NOTHING, sentNs + 2 * HOP_NS + 1);
    }
    this.#lastNs[side] = sentNs;
    return sentNs + 2 * HOP_NS;
  }

  #put(side: Party, flags: number, from: number, payload: Buffer, sentNs: number): void {
    this.#sendings.push({ sentNs, side, flags, from, payload });
  }
}

const NOTHING = Buffer.alloc(0);

/** Gives every segment the numbers that its sender knew when it sent it. */
function onTheWay(l: Link, sendings: Sending[]): Passing[] {
  sendings.sort((a, b) => a.sentNs - b.sentNs);
  const sent = [0, 0];
  const next = [0, 0];
  const acked = [0, 0];
  return sendings.map((s) => {
    // What the other side sent at least two hops ago has arrived.
    for (; sendings[next[s.side]!]!.sentNs <= s.sentNs - 2 * HOP_NS; next[s.side]!++) {
      const earlier = sendings[next[s.side]!]!;
      if (earlier.side !== s.side && earlier.from >= 0) acked[s.side] = earlier.from + earlier.payload.length;
    }
    const from = s.from < 0 ? sent[s.side]! : s.from;
    const to = from + s.payload.length;
    sent[s.side] = to;
    const frame: Frame = {
      link: l,
      side: s.side,
      flags: s.flags,
      from,
      to,
      payload: s.payload,
      acked: acked[s.side]!,
      seqShift: 0,
      window: 512,
      captured: Number.POSITIVE_INFINITY,
      gapNs: 0,
    };
    return { atNs: s.sentNs + HOP_NS, frame };
  });
}

export interface Toll {
  asked: number;
  found: number;
  wrong: number;
}

/** Segments that are lost with probability `loss`, and all that passed before `fromNs`. */
export function atRandom(loss: number, random: Random, fromNs = 0): (frame: Frame, atNs: number) => boolean {
  return (_frame, atNs) => atNs < fromNs || random.chance(loss);
}

/** Runs the talks side by side, without the segments that the capture loses, and compares with the truth. */
export function capture(
  talks: readonly Talk[],
  dialogue: Dialogue,
  lost: (frame: Frame, atNs: number) => boolean,
): Toll {
  const all = talks.flatMap((t) => t.frames).sort((a, b) => a.atNs - b.atNs);
  const rig = new Rig();
  for (const { atNs, frame } of all) if (!lost(frame, atNs)) rig.capture(frame, atNs);
  rig.end();
  const toll: Toll = { asked: 0, found: 0, wrong: 0 };
  const requestNs = new Map(talks.flatMap((t) => [...t.requestNs]));
  const responseNs = new Map(talks.flatMap((t) => [...t.responseNs]));
  toll.asked = requestNs.size;
  for (const f of rig.found) {
    const id = dialogue.asked(f.target, f);
    assert.equal(f.startNs, requestNs.get(id), `request ${id} did not start then`);
    if (!answered(f)) continue;
    const right = f.status === dialogue.status(id) || untold(f);
    if (!right || f.firstByteNs !== responseNs.get(id)) toll.wrong++;
    else if (!untold(f)) toll.found++;
  }
  return toll;
}
