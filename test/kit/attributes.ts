/** What semantics say of an exchange, by key. */
import assert from 'node:assert/strict';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { type AttributeSink, CLIENT, type Side } from '../../src/exchange/semantics.ts';

/** A key that is put twice is a mistake. */
export function collect(write: (put: AttributeSink) => void): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  const put = (key: string, value: unknown): void => {
    assert.ok(!(key in all), `${key} twice`);
    all[key] = value;
  };
  write({ string: put, int: put, double: put, boolean: put, strings: put });
  return all;
}

/** Of its span. */
export const attributes = (x: Exchange, side: Side = CLIENT, route = ''): Record<string, unknown> =>
  collect((put) => x.protocol.semantics.attributes(x, side, route, put));

/** Of its metrics. */
export const dimensions = (x: Exchange, side: Side = CLIENT, route = ''): Record<string, unknown> =>
  collect((put) => x.protocol.semantics.dimensions(x, side, route, put));
