/** Whether a protocol knows its own, and takes nothing of the others. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Window } from '../../src/bytes/window.ts';
import { type Dir, type Protocol, TO_CLIENT, TO_SERVER, YES, YES_REVERSED } from '../../src/protocols/protocol.ts';
import type { Conversation } from './conversation.ts';
import { type Opening, openingsOf } from './openings.ts';
import { Random } from './random.ts';

/** The verdict on the first `n` bytes, somewhere in a buffer that holds other bytes around them. */
function verdict(protocol: Protocol, dir: Dir, bytes: Buffer, n: number): number {
  const w = new Window();
  w.show(Buffer.concat([Buffer.from('GET /'), bytes.subarray(0, n), Buffer.from('HTTP/1.1 200 OK\r\n\r\n')]));
  w.pos = 5;
  w.first = 5;
  w.end = 5 + n;
  return protocol.probe(dir, w);
}

const mine = (v: number): boolean => v === YES || v === YES_REVERSED;

/** The probe of `protocol` never says yes to any beginning of what others say first, whichever end is taken for the client. */
export function takesNothingOf(protocol: Protocol, others: readonly Opening[]): void {
  describe(`${protocol.name}: what others say first`, () => {
    for (const o of others) {
      test(o.name, () => {
        for (const bytes of [o.client, o.server]) {
          for (let n = 0; n <= bytes.length; n++) {
            for (const dir of [TO_SERVER, TO_CLIENT] as const) {
              assert.ok(
                !mine(verdict(protocol, dir, bytes, n)),
                `${n} bytes: ${bytes.subarray(0, n).toString('latin1')}`,
              );
            }
          }
        }
      });
    }

    test('random bytes', () => {
      const random = new Random(1);
      for (let i = 0; i < 20_000; i++) {
        const bytes = random.bytes(random.between(1, 40));
        for (const dir of [TO_SERVER, TO_CLIENT] as const)
          assert.ok(!mine(verdict(protocol, dir, bytes, bytes.length)));
      }
    });
  });
}

/** Every protocol's conversations against every other protocol's probe. */
export function takesNothingOfEachOther(all: readonly (readonly [Protocol, readonly Conversation[]])[]): void {
  for (const [protocol] of all) {
    const others = all.filter(([p]) => p !== protocol).flatMap(([p, list]) => openingsOf(p.name, list));
    if (others.length > 0) takesNothingOf(protocol, others);
  }
}
