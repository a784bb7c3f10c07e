/** What must be found in a conversation, told from the script and the capture times alone; knows nothing of decoders. */

import assert from 'node:assert/strict';
import { COMPLETE, OUTCOMES, UNKNOWN } from '../../src/exchange/exchange.ts';
import {
  type Conversation,
  type Expected,
  isAnswered,
  isSerial,
  outcomeOf,
  type Saying,
  sayings,
} from './conversation.ts';
import { CLIENT, type Frame, type Party, SERVER } from './frame.ts';
import type { Found, Times } from './run.ts';

/** One side's part in an exchange: stream offsets of its first and behind its last byte, and their number. */
interface Span {
  from: number;
  to: number;
  bytes: number;
}

interface Placed {
  readonly saying: Saying;
  readonly from: number;
}

function placed(c: Conversation): Placed[] {
  const at = [0, 0];
  return sayings(c).map((saying) => {
    const from = at[saying.side]!;
    at[saying.side] = from + saying.bytes.length;
    return { saying, from };
  });
}

function span(all: readonly Placed[], exchange: number, side: Party): Span | null {
  const mine = all.filter((p) => p.saying.exchange === exchange && p.saying.side === side);
  if (mine.length === 0) return null;
  const last = mine.at(-1)!;
  return {
    from: mine[0]!.from,
    to: last.from + last.saying.bytes.length,
    bytes: mine.reduce((n, p) => n + p.saying.bytes.length, 0),
  };
}

/** A response was seen; its status may be 0 in protocols where that means success. */
export const answered = (f: Found): boolean => !Number.isNaN(f.firstByteNs);

/** What its response says of success stands behind bytes that were lost or never came: a status below 0. */
export const untold = (f: Found): boolean => f.outcome !== COMPLETE && f.status < 0;

const shown = (f: Found): string => `${f.operation} ${f.target} -> ${f.status} ${OUTCOMES[f.outcome]}`;

/** Exactly the expected exchanges were found, every field as it must be. */
export function assertExact(c: Conversation, link: number, found: readonly Found[], times: Times, note: string): void {
  const mine = found
    .filter((f) => f.link === link)
    .sort((a, b) => a.startNs - b.startNs || (a.target < b.target ? -1 : 1));
  const all = placed(c);
  const list = c.expected
    .map((e, i) => ({ e, i, startNs: times.at(link, CLIENT, span(all, i, CLIENT)!.from) }))
    .sort((a, b) => a.startNs - b.startNs || ((a.e.target ?? '') < (b.e.target ?? '') ? -1 : 1));
  assert.equal(mine.length, list.length, `${note}: found ${mine.map(shown).join(', ') || 'nothing'}`);
  list.forEach(({ e, i }, n) => {
    assertOne(e, all, i, link, mine[n]!, times, `${note}, exchange ${i}`);
  });
}

function assertOne(
  e: Expected,
  all: readonly Placed[],
  i: number,
  link: number,
  f: Found,
  times: Times,
  note: string,
): void {
  const request = span(all, i, CLIENT)!;
  const response = isAnswered(e) ? span(all, i, SERVER) : null;
  const startNs = times.at(link, CLIENT, request.from);
  const lastNs = response === null ? Number.NaN : times.at(link, SERVER, response.to - 1);
  // a short response may overtake its own first byte
  let endNs = response === null ? lastNs : Math.max(lastNs, times.at(link, SERVER, response.from));
  if (e.end === 'unseen') endNs = Number.NaN;
  else if (e.end === 'close') endNs = times.closeNs.get(link)!;
  else if (e.end === 'capture') endNs = times.lastNs;
  else if (typeof e.end === 'number') endNs = startNs + e.end * 1e6;
  else if (e.end !== undefined) {
    const { saying, from } = all[e.end.saying]!;
    const passedNs = times.at(link, saying.side, from + saying.bytes.length - 1);
    endNs = response === null ? Math.max(passedNs, startNs) : Math.max(passedNs, times.at(link, SERVER, response.from));
  }
  assert.deepEqual(
    {
      operation: f.operation,
      target: f.target,
      status: f.status,
      outcome: OUTCOMES[f.outcome],
      startNs: f.startNs,
      requestEndNs: f.requestEndNs,
      firstByteNs: f.firstByteNs,
      endNs: f.endNs,
      requestBytes: f.requestBytes,
      responseBytes: f.responseBytes,
    },
    {
      operation: e.operation,
      target: e.target ?? f.target,
      status: e.status,
      outcome: OUTCOMES[outcomeOf(e)],
      startNs,
      requestEndNs: e.requestEnd === 'unseen' ? Number.NaN : times.at(link, CLIENT, request.to - 1),
      firstByteNs: response === null ? Number.NaN : times.at(link, SERVER, response.from),
      endNs,
      requestBytes: e.requestBytes ?? request.bytes,
      responseBytes: e.responseBytes ?? (outcomeOf(e) === COMPLETE ? (response?.bytes ?? 0) : 0),
    },
    note,
  );
  if (e.version !== undefined) assert.equal(f.version, e.version, note);
}

/** The rest of the statement was lost, and with it what else its target may name. */
const isPart = (f: Found, target: string): boolean =>
  f.record.statementCut > 0 && (target === f.target || target.startsWith(`${f.target} `));

/** The exchange with that start, first byte and status, when its target refers to something that was lost. */
function sameButForTarget(
  c: Conversation,
  all: readonly Placed[],
  link: number,
  f: Found,
  times: Times,
): number | undefined {
  const i = c.expected.findIndex((e, n) => {
    if (e.operation !== f.operation && f.operation !== UNKNOWN) return false;
    if (f.target !== '' && f.target !== UNKNOWN && !isPart(f, e.target ?? '')) return false;
    if (!untold(f) && e.status !== f.status && e.partly?.includes(f.status) !== true) return false;
    const response = span(all, n, SERVER);
    return (
      times.at(link, CLIENT, span(all, n, CLIENT)!.from) === f.startNs &&
      response !== null &&
      times.at(link, SERVER, response.from) === f.firstByteNs
    );
  });
  return i < 0 ? undefined : i;
}

/**
 * Whatever was lost: an exchange with a response is the right one's. The first byte of a response that nobody captured cannot
 * have been seen, and a status belongs to the request that the script answers with it.
 */
export function assertNoWrongPair(
  c: Conversation,
  link: number,
  found: readonly Found[],
  times: Times,
  note: string,
): void {
  const all = placed(c);
  const byStart = new Map<string, number>();
  c.expected.forEach((e, i) => {
    byStart.set(`${times.at(link, CLIENT, span(all, i, CLIENT)!.from)} ${e.operation} ${e.target ?? ''}`, i);
  });
  for (const f of found) {
    if (f.link !== link || !answered(f)) continue;
    // Without a target it refers to something that was lost: the statement that a number stands for.
    const i =
      (f.target === '' || f.target === UNKNOWN ? sameButForTarget(c, all, link, f, times) : undefined) ??
      byStart.get(`${f.startNs} ${f.operation} ${f.target}`) ??
      (f.record.statementCut > 0 ? sameButForTarget(c, all, link, f, times) : undefined) ??
      byStart.get(`${f.startNs} ${f.operation} `);
    assert.ok(i !== undefined, `${note}: no such request: ${shown(f)}`);
    const response = span(all, i, SERVER);
    assert.ok(response !== null, `${note}: it was never answered: ${shown(f)}`);
    const e = c.expected[i]!;
    if (!untold(f) && e.partly?.includes(f.status) !== true)
      assert.equal(f.status, e.status, `${note}: wrong pair: ${shown(f)}`);
    assert.equal(f.firstByteNs, times.at(link, SERVER, response.from), `${note}: wrong response: ${shown(f)}`);
  }
}

/** Which exchanges the loss of these frames may cost; holes in what is passed over unread cost none. */
export function hitBy(c: Conversation, lost: readonly Frame[]): Set<number> {
  const hit = new Set<number>();
  for (const f of lost) {
    for (const { saying, from } of placed(c)) {
      if (saying.side !== f.side) continue;
      const a = Math.max(f.from, from);
      const b = Math.min(f.to, from + saying.bytes.length);
      if (a >= b) continue;
      if (!saying.free.some(([x, y]) => from + x <= a && b <= from + y)) hit.add(saying.exchange);
    }
  }
  return hit;
}

/** The promise after a loss on a connection that does not pipeline: all exchanges that were not hit are found whole. */
export function assertOthersFound(
  c: Conversation,
  link: number,
  found: readonly Found[],
  times: Times,
  hit: ReadonlySet<number>,
  note: string,
): void {
  if (!isSerial(c)) return;
  const all = placed(c);
  c.expected.forEach((e, i) => {
    if (hit.has(i) || hit.has(-1) || outcomeOf(e) !== COMPLETE) return;
    const startNs = times.at(link, CLIENT, span(all, i, CLIENT)!.from);
    const f = found.find(
      (x) =>
        x.link === link && x.startNs === startNs && (x.status === e.status || e.partly?.includes(x.status) === true),
    );
    assert.ok(f !== undefined, `${note}: exchange ${i} (${e.operation} ${e.target ?? ''}) is missing`);
    assert.equal(OUTCOMES[f.outcome], OUTCOMES[COMPLETE], `${note}: exchange ${i}`);
  });
}
