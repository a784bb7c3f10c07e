import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ends, exchange, telemetry } from './double.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Strings, objects and buffers, garbage apart. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

for (const encoding of ['protobuf', 'json'] as const) {
  test(`${encoding}: of a service whose spans are gone little is held, for there may be 131,072 of them`, () => {
    // pairs and series have a budget, services have none
    const { telemetry: t, batches } = telemetry({ encoding, metrics: { maxSeries: 10 } });
    const tell = (from: number, services: number): void => {
      for (let i = from; i < from + services; i += 2) {
        t.finished(exchange(ends(i, i + 1)));
        batches.length = 0;
      }
    };
    tell(0x100, 2000); // whatever grows to its size once
    const before = held();
    tell(0x10000, 20_000);
    const each = (held() - before) / 20_000;
    assert.ok(each < 500, `${each.toFixed(0)} bytes for each service`);
  });
}
