import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { excerpt, partialSuccess, retryAfterMs } from '../../src/export/response.ts';

test('whatever a server answers, reading it throws nothing and stays small', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('application/json', 'application/x-protobuf', ''),
      (body, type) => {
        const found = partialSuccess(Buffer.from(body), type);
        assert.ok(
          found === null ||
            (Number.isSafeInteger(found.rejected) && found.rejected >= 0 && found.message.length <= 200),
        );
        assert.ok(excerpt(Buffer.from(body)).length <= 200);
      },
    ),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.json(), (text) => {
      partialSuccess(Buffer.from(text), 'application/json');
      partialSuccess(Buffer.from(`{"partialSuccess":${text}}`), 'application/json');
      partialSuccess(
        Buffer.from(`{"partialSuccess":{"rejectedSpans":${text},"errorMessage":${text}}}`),
        'application/json',
      );
    }),
    { numRuns: 1000 },
  );
});

test('Retry-After in seconds, as a date, and as nonsense', () => {
  const now = Date.parse('2026-01-31T10:00:00Z');
  assert.equal(retryAfterMs('7', now), 7000);
  assert.equal(retryAfterMs('Sat, 31 Jan 2026 10:00:30 GMT', now), 30_000);
  assert.equal(retryAfterMs('Sat, 31 Jan 2026 09:00:00 GMT', now), 0);
  for (const bad of [undefined, '', 'soon', '-', '99999999999999999999'])
    assert.equal(retryAfterMs(bad, now), null, bad);
});
