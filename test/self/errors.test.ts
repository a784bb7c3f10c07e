import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { fileReason } from '../../src/self/errors.ts';

test('why a file cannot be opened is said in words, and what has none as the system says it', () => {
  const of = (code: string): string => fileReason(Object.assign(new Error(`${code}: as the system says it`), { code }));
  assert.equal(of('EACCES'), 'permission denied');
  assert.equal(of('EISDIR'), 'it is a directory');
  assert.equal(of('EMFILE'), 'EMFILE: as the system says it');
  assert.throws(
    () => openSync('/no/such/file', 'r'),
    (error: Error) => fileReason(error) === 'there is no such file',
  );
});
