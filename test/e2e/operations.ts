/** What the clients of a test did, by their own account, and whether that is what the spans say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { attribute, CLIENT, type Span } from './otlp.ts';
import { durationMs, type Tap } from './tap.ts';

/** Attributes that the span must have, and (undefined) must not have; `name` is the span's name, `kind` its kind if not CLIENT. */
export type Expected = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Operation {
  /** The address of the client's end. */
  readonly connection: string;
  readonly expected: Expected;
  /** Error as the client was told it; '' when all was well. */
  status: string;
  /** What else the client was told of how it went, where the protocol has words for that. */
  code?: string;
  /** By the client's clock; NaN for what the client does by itself. */
  readonly startMs: number;
  endMs: number;
  /** Of that, what the client's own thread took, or had to wait for a processor. */
  ownMs: number;
}

/** No operation takes a second; without a limit one that is never answered would hold up the test for good. */
const MAX_MS = 20_000;
/** Of what the client waited beyond its own time. */
const MAX_BEYOND_MS = 0.5;
class Late extends Error {}

export class Recorder {
  readonly operations: Operation[] = [];
  readonly #statusOf: (error: unknown) => string;

  /** `statusOf`: the code that the server gave, out of the client's exception. */
  constructor(statusOf: (error: unknown) => string) {
    this.#statusOf = statusOf;
  }

  /** Resolves with null when the operation failed; `codeOf` takes the operation's `code` out of what it resolved with. */
  async time<T>(
    connection: string,
    expected: Expected,
    act: () => Promise<T>,
    codeOf: (result: T) => string = () => '',
  ): Promise<T | null> {
    const beforeMs = ownTimeMs();
    const startMs = performance.now();
    const o: Operation = { connection, expected, status: '', code: '', startMs, endMs: Number.NaN, ownMs: 0 };
    this.operations.push(o);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Late(`${connection}: ${JSON.stringify(expected)}`)), MAX_MS);
    try {
      const result = await Promise.race([act(), late.promise]);
      o.code = codeOf(result);
      return result;
    } catch (error) {
      if (error instanceof Late) throw error;
      o.status = this.#statusOf(error);
      return null;
    } finally {
      o.endMs = performance.now();
      o.ownMs = ownTimeMs() - beforeMs;
      clearTimeout(timer);
    }
  }

  /** What the client's library sends by itself, in its place among the operations of that connection. */
  byItself(connection: string, expected: Expected, status = ''): void {
    this.operations.push({ connection, expected, status, startMs: Number.NaN, endMs: Number.NaN, ownMs: 0 });
  }

  /** Every message that was sent, or delivered, is counted under its destination; and `others` that were sent, by theirs. */
  messagesAs(tap: Tap, others: Record<string, number> = {}): void {
    for (const [counter, type] of [
      ['sent', 'send'],
      ['consumed', 'process'],
    ] as const) {
      const own: Record<string, number> = type === 'send' ? { ...others } : {};
      for (const { expected } of this.operations) {
        if (expected['messaging.operation.type'] !== type) continue;
        const destination = String(expected['messaging.destination.name'] ?? '');
        own[destination] = (own[destination] ?? 0) + 1;
      }
      assert.ok(Object.keys(own).length > 0, type);
      assert.deepEqual(
        tap.countsBy(`messaging.client.${counter}.messages`, 'messaging.destination.name', { type }),
        own,
        counter,
      );
    }
  }

  get counts(): Record<string, number> {
    return countsOf(this.operations);
  }

  /** The spans of each connection are its operations, one for one and in order. */
  sameAs(tap: Tap): void {
    const { conversations } = tap;
    const operations = Map.groupBy(this.operations, (o) => o.connection);
    assert.deepEqual([...conversations.keys()].sort(), [...operations.keys()].sort(), 'connections');
    for (const [connection, own] of operations) {
      const spans = conversations.get(connection)!;
      own.forEach((o, i) => {
        const s = spans[i];
        const where = `${connection}, operation ${i + 1} of ${own.length} (${spans.length} spans)`;
        assert.ok(s !== undefined, `${where}: ${JSON.stringify(o.expected)} has no span`);
        assert.deepEqual(seen(s, o.expected), expectation(o), where);
        assert.equal(s.kind, o.expected.kind ?? CLIENT, where);
      });
      assert.equal(spans.length, own.length, `${connection}: ${JSON.stringify(spans[own.length])}`);
    }
  }

  /**
   * The histogram of that name counts as many, by status, but for those that wait for something to happen and those that nothing
   * answers; the service graph, if such edges belong into it, counts all.
   */
  countedAs(tap: Tap, metric: string, connectionType: 'database' | null): void {
    const { counts } = this;
    const timed = this.operations.filter(
      ({ expected: e }) => e['spantap.waits'] !== true && e['spantap.outcome'] !== 'one_way',
    );
    assert.deepEqual(tap.countsBy(metric, 'error.type'), countsOf(timed));
    const all = this.operations.length;
    const failed = all - (counts[''] ?? 0);
    const edges = (n: number): Record<string, number> => (connectionType === null ? {} : { [connectionType]: n });
    assert.deepEqual(tap.countsBy('traces_service_graph_request_total', 'connection_type'), edges(all));
    assert.deepEqual(tap.countsBy('traces_service_graph_request_failed_total', 'connection_type'), edges(failed));
  }

  /**
   * No span is longer than the client waited. What the client waited beyond it was the client's own doing: in the median of all
   * operations no more than a tenth and half a millisecond is left of it when the time is taken off for which the client's thread ran, or waited
   * for a processor.
   */
  timedAs(t: TestContext, tap: Tap): void {
    const { conversations } = tap;
    const beyond: number[] = [];
    const differences: number[] = [];
    for (const [connection, own] of Map.groupBy(this.operations, (o) => o.connection)) {
      own.forEach((o, i) => {
        const clientMs = o.endMs - o.startMs;
        if (Number.isNaN(clientMs)) return;
        const spanMs = durationMs(conversations.get(connection)![i]!);
        assert.ok(spanMs <= clientMs, `${JSON.stringify(o.expected)} took ${clientMs} ms, its span ${spanMs} ms`);
        differences.push(clientMs - spanMs);
        beyond.push(clientMs - spanMs - o.ownMs - clientMs / 10);
      });
    }
    t.diagnostic(
      `${beyond.length} operations, spans are shorter by ${median(differences).toFixed(3)} ms in the median, ` +
        `by ${median(beyond).toFixed(3)} ms more than a tenth and the client's own time`,
    );
    assert.ok(median(beyond) <= MAX_BEYOND_MS, `in the median ${median(differences)} ms shorter`);
  }
}

/**
 * For how long this process's main thread has been running, and been waiting for a processor, so far: the first two figures, in ns, of
 * its schedstat (proc(5)). A kernel that does not count them says 0.
 */
export function ownTimeMs(): number {
  const [ranNs = 0, waitedNs = 0] = readFileSync('/proc/self/schedstat', 'latin1').split(' ').map(Number);
  return (ranNs + waitedNs) / 1e6;
}

function countsOf(operations: readonly Operation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of operations) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const STATUS = ['error.type', 'db.response.status_code'];

function seen(s: Span, expected: Expected): Expected {
  const found: Record<string, string | number | boolean | undefined> = {
    name: s.name,
    failed: s.status?.code === 2 ? 1 : 0,
  };
  for (const key of [...Object.keys(expected), ...STATUS])
    if (key === 'kind') found.kind = s.kind;
    else if (key !== 'name') found[key] = attribute(s, key) as Expected[string];
  return found;
}

function expectation(o: Operation): Expected {
  const failed = o.status === '' ? 0 : 1;
  const status = failed === 0 ? undefined : o.status;
  const code = o.expected['db.system.name'] === undefined ? undefined : o.status || o.code || undefined;
  return { ...o.expected, failed, 'error.type': status, 'db.response.status_code': code };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
