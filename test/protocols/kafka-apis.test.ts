/**
 * Every API in every version, as a capture shows it that holds one request and its answer from the middle of a connection: it is
 * recognised, paired, and its error code is read. The bytes are made from the decoder's own tables: whether these are true is what
 * recorded connections and the broker's log say.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIS } from '../../src/protocols/kafka/apis.ts';
import {
  BYTES,
  ERROR,
  FIXED,
  LIST,
  MAX_WAIT,
  NUMBER,
  PARTITION,
  RECORDS,
  REST,
  type Step,
  TAGS,
  TEXT,
  UUID,
} from '../../src/protocols/kafka/layout.ts';
import { answer, ask, type Conversation } from '../kit/conversation.ts';
import { isData } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import { batch, i8, i16, i32, unsigned } from './kafka-messages.ts';

const STRANGE_PORT = 40123;
const ID = 77;
const COORDINATOR_NOT_AVAILABLE = 15;
/** No error code was read. */
const UNTOLD = -0x8001;

const sized = (compact: boolean, prefix: 2 | 4, n: number): Buffer =>
  compact ? unsigned(n + 1) : prefix === 2 ? i16(n) : i32(n);

/** A message with one element in each list; what is not of interest is zeros. */
function made(steps: readonly Step[], error: number): Buffer {
  return Buffer.concat(steps.map((s) => field(s, error)));
}

function field(s: Step, error: number): Buffer {
  switch (s.kind) {
    case FIXED:
      return Buffer.alloc(s.bytes);
    case UUID:
      return Buffer.alloc(s.bytes, 7);
    case NUMBER: {
      const value = s.role === ERROR ? error : s.role === PARTITION || s.role === MAX_WAIT ? 3 : 1;
      return s.bytes === 1 ? i8(value) : s.bytes === 2 ? i16(value) : i32(value);
    }
    case TEXT:
      return Buffer.concat([sized(s.compact, 2, 6), Buffer.from('orders')]);
    case BYTES: {
      const bytes = s.role === RECORDS ? batch([{ value: 'a lamp' }]) : Buffer.from('what it is');
      return Buffer.concat([sized(s.compact, 4, bytes.length), bytes]);
    }
    case LIST:
      return Buffer.concat([sized(s.compact, 4, 1), made(s.fields, error)]);
    case TAGS:
      return unsigned(0);
    case REST:
      return Buffer.alloc(0);
    default:
      assert.fail(`a step of kind ${s.kind}`);
  }
}

const framed = (...parts: Buffer[]): Buffer => {
  const b = Buffer.concat(parts);
  return Buffer.concat([i32(b.length), b]);
};

const client = Buffer.concat([i16(5), Buffer.from('app-1')]);

/** What is not read. */
const OPAQUE = Buffer.from('0200000003abcd0000', 'hex');

/** What the pipeline finds in the segments of that talk, without those that open and close the connection. */
function foundIn(request: Buffer, response: Buffer): { operation: string; status: number }[] {
  const talk: Conversation = { name: '', turns: [ask(0, request), answer(0, response)], expected: [] };
  const segments = frames(talk, link({ serverPort: STRANGE_PORT })).filter(isData);
  const rig = new Rig().feed(segments).end();
  return rig.found.map(({ protocol, operation, status }) => ({ operation: `${protocol} ${operation}`, status }));
}

describe('kafka: a request and its answer out of the middle', () => {
  for (const api of APIS) {
    test(api.name, () => {
      for (let version = 0; version <= api.newest; version++) {
        const body = api.request(version);
        const answered = api.response(version);
        if (answered === null) continue;
        const tag = api.isFlexible(version) ? unsigned(0) : Buffer.alloc(0);
        const headless = api.name === 'ControlledShutdown' && version === 0;
        const head = headless ? i32(1) : Buffer.concat([client, tag, body === null ? OPAQUE : made(body, 0)]);
        const request = framed(i16(api.key), i16(version), i32(ID), head);
        const responseTag = api.hasTaggedResponse(version) ? unsigned(0) : Buffer.alloc(0);
        for (const error of [0, COORDINATOR_NOT_AVAILABLE]) {
          const response = framed(i32(ID), responseTag, made(answered, error));
          const told: number = hasError(answered) ? error : 0;
          assert.deepEqual(
            foundIn(request, response),
            [{ operation: `kafka ${api.name}`, status: told }],
            `version ${version}`,
          );
        }
      }
    });
  }

  test('versions that nobody knows yet', () => {
    for (const api of APIS) {
      if (!api.isFlexible(api.newest)) continue; // these stay as they are
      const request = framed(i16(api.key), i16(api.newest + 1), i32(ID), client, unsigned(0), OPAQUE);
      const response = framed(i32(ID), unsigned(0), OPAQUE);
      assert.deepEqual(foundIn(request, response), [{ operation: `kafka ${api.name}`, status: UNTOLD }], api.name);
    }
  });
});

const hasError = (steps: readonly Step[]): boolean => steps.some((s) => s.role === ERROR || hasError(s.fields));
