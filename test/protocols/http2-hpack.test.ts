/** HPACK: the examples of its specification, every way in which a block can be broken, and what is known behind a loss. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DynamicTable } from '../../src/protocols/http2/dynamic-table.ts';
import { AUTHORITY, Fields, FOR_METRICS, FOR_SPANS, METHOD, PATH, SCHEME } from '../../src/protocols/http2/fields.ts';
import { BlockReader } from '../../src/protocols/http2/header-block.ts';
import { readHuffman } from '../../src/protocols/http2/huffman.ts';
import { Random } from '../kit/random.ts';
import { Encoder, type FieldList, integer, text } from './http2-wire.ts';

/** Memory for tables, and how much of it is taken. */
class Memory {
  held = 0;
  readonly max: number;
  constructor(max = Number.POSITIVE_INFINITY) {
    this.max = max;
  }
  hold(bytes: number): boolean {
    if (this.held + bytes > this.max) return false;
    this.held += bytes;
    return true;
  }
  release(bytes: number): void {
    this.held -= bytes;
    assert.ok(this.held >= 0);
  }
}

class Reader {
  readonly counters = { unknownFields: 0, tableRefused: 0 };
  readonly memory: Memory;
  readonly table: DynamicTable;
  readonly fields = new Fields();
  readonly #reader = new BlockReader(this.counters);

  constructor(memory = new Memory()) {
    this.memory = memory;
    this.table = new DynamicTable(memory);
  }

  read(block: Buffer | string, wanted = FOR_SPANS): boolean {
    const bytes = typeof block === 'string' ? Buffer.from(block.replaceAll(' ', ''), 'hex') : block;
    // bytes around the block must not matter
    const around = Buffer.concat([Buffer.from('PRI'), bytes, Buffer.from('xxx')]);
    return this.#reader.read(this.table, around, 3, 3 + bytes.length, wanted, this.fields);
  }

  get request(): string {
    const { values } = this.fields;
    return [METHOD, SCHEME, PATH, AUTHORITY].map((f) => values[f]).join(' ');
  }
}

describe('the examples of RFC 7541, appendix C', () => {
  const requests = [
    'GET http / www.example.com',
    'GET http / www.example.com',
    'GET https /index.html www.example.com',
  ];
  const sizes = [57, 110, 164];
  const table: [string, string[]][] = [
    [
      'C.3 requests without Huffman code',
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
    ],
    [
      'C.4 requests with Huffman code',
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
    ],
  ];
  for (const [name, blocks] of table) {
    test(name, () => {
      const r = new Reader();
      blocks.forEach((block, i) => {
        assert.ok(r.read(block));
        assert.equal(r.request, requests[i]);
        assert.equal(r.fields.unknown, 0);
        assert.equal(r.table.count, i + 1);
        let bytes = 0;
        for (let k = 0; k < r.table.count; k++) bytes += r.table.size(k);
        assert.equal(bytes, sizes[i]);
      });
    });
  }

  for (const [name, first, second] of [
    [
      'C.5 responses without Huffman code',
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
    ],
    [
      'C.6 responses with Huffman code',
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
    ],
  ] as const) {
    test(name, () => {
      const r = new Reader();
      r.table.resize(256);
      assert.ok(r.read(first));
      assert.equal(r.fields.status, 302);
      assert.deepEqual(
        [0, 1, 2, 3].map((i) => r.table.size(i)),
        [63, 65, 52, 42],
      );
      assert.ok(r.read(second));
      assert.equal(r.fields.status, 307);
      // the entry of 302 has made room
      assert.deepEqual(
        [0, 1, 2, 3].map((i) => r.table.size(i)),
        [42, 63, 65, 52],
      );
      assert.equal(r.table.count, 4);
    });
  }
});

describe('Huffman code', () => {
  /** From appendix B: symbol, code, bits. */
  const codes: [number, number, number][] = [
    [0, 0x1ff8, 13],
    [9, 0xffffea, 24],
    [22, 0x3ffffffe, 30],
    [32, 0x14, 6],
    [48, 0x0, 5],
    [97, 0x3, 5],
    [122, 0x7b, 7],
    [126, 0x1ffd, 13],
    [127, 0xffffffc, 28],
    [128, 0xfffe6, 20],
    [203, 0x7ffffde, 27],
    [217, 0x1fffe5, 21],
    [249, 0xffffffe, 28],
    [255, 0x3ffffee, 26],
  ];
  const out = Buffer.alloc(1000);
  const bytesOf = (bits: string): Buffer => {
    const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
    return Buffer.from(padded.match(/.{8}/g)?.map((b) => Number.parseInt(b, 2)) ?? []);
  };
  const bitsOf = ([, code, bits]: [number, number, number]): string => code.toString(2).padStart(bits, '0');

  test('of single symbols, and of all of them together', () => {
    for (const c of codes) {
      const coded = bytesOf(bitsOf(c));
      assert.equal(readHuffman(coded, 0, coded.length, out, 1000), 1);
      assert.equal(out[0], c[0]);
    }
    const all = bytesOf(codes.map(bitsOf).join(''));
    assert.equal(readHuffman(all, 0, all.length, out, 1000), codes.length);
    assert.deepEqual(
      [...out.subarray(0, codes.length)],
      codes.map(([s]) => s),
    );
    out.fill(0);
    assert.equal(readHuffman(all, 0, all.length, out, 3), codes.length); // the rest is counted, not kept
    assert.deepEqual([...out.subarray(0, 4)], [...codes.slice(0, 3).map(([s]) => s), 0]);
  });

  test('padding of a whole byte, of zeros, and EOS are not valid', () => {
    for (const bad of ['ffff', '18', 'ffffffff', '1fff', 'fffffffc']) {
      const bytes = Buffer.from(bad, 'hex');
      assert.equal(readHuffman(bytes, 0, bytes.length, out, 1000), -1, bad);
    }
    assert.equal(readHuffman(out, 0, 0, out, 1000), 0);
  });
});

test('broken blocks', () => {
  const bad = [
    '80', // index 0
    'ff', // an integer that is cut
    'ff8080808080', // one that has no end
    '41', // a value that is missing
    '4105', // one that is cut
    '410541424344',
    '40', // a name that is missing
    '4003616263', // a name alone
    '0085', // Huffman code that is cut
    '3f', // a size that is cut
    '3fffffffffff0f', // a size of more than 32 bits
    '4182ffff', // padding
    `00ff${'80'.repeat(20)}`,
  ];
  for (const block of bad) assert.ok(!new Reader().read(block), block);
});

test('a value that nobody wants is not kept, but has its size', () => {
  const r = new Reader();
  const block = new Encoder(true).block([
    ['authorization', 'Bearer s3cret'],
    ['cookie', 's3cret=1'],
    ['user-agent', 'curl/8'],
  ]);
  assert.ok(r.read(block, FOR_METRICS));
  assert.deepEqual(
    [0, 1, 2].map((i) => r.table.value(i)),
    ['', '', ''],
  );
  assert.deepEqual(
    [0, 1, 2].map((i) => r.table.size(i)),
    [48, 46, 58],
  );
  assert.deepEqual(r.fields.values.join(''), '');
});

test('a list of fields that is a bomb is noticed', () => {
  const r = new Reader();
  assert.ok(r.read(Buffer.concat([text('x').subarray(0, 0), Buffer.of(0x40), text('x'), text('y'.repeat(4000))])));
  assert.ok(!r.fields.oversized);
  assert.ok(r.read(Buffer.alloc(1000, 0xbe)));
  assert.ok(r.fields.oversized);
});

test('tables take no more memory than is kept, however large they are said to be', () => {
  const r = new Reader();
  assert.ok(r.read(integer(0xffffffff, 5, 0x20)));
  for (let i = 0; i < 100; i++) {
    assert.ok(r.read(Buffer.concat([Buffer.of(0x44), text(`/${i}/${'x'.repeat(1000)}`)])));
    assert.ok(r.memory.held <= 65536, `${r.memory.held}`);
  }
  assert.ok(r.table.count < 70);
  // what is still there reads as it did, what is not reads as unknown
  const known = r.table.count;
  assert.ok(r.read(integer(62 + known - 1, 7, 0x80)));
  assert.ok(r.fields.values[PATH]!.startsWith(`/${100 - known}/`));
  assert.ok(r.read(integer(62 + known, 7, 0x80)));
  assert.equal(r.fields.unknown, 1);
  // small entries: 32 bytes each at the least
  for (let i = 0; i < 5000; i++) assert.ok(r.read(Buffer.of(0x40, 0, 0)));
  assert.equal(r.table.count, 2048);
  r.table.lose();
  assert.equal(r.memory.held, 0);
});

test('without memory the table is forgotten, and counted', () => {
  const r = new Reader(new Memory(2048));
  const c = new Encoder(true);
  for (let i = 0; i < 100; i++) {
    const path = `/${i}/${'p'.repeat(i % 50)}`;
    assert.ok(
      r.read(
        c.block([
          [':path', path],
          [':method', 'GET'],
          [':authority', 'shop.example'],
        ]),
      ),
    );
    const { values } = r.fields;
    assert.equal(values[PATH], path);
    assert.ok(values[AUTHORITY] === 'shop.example' || r.fields.unknown === 1);
    assert.ok(r.memory.held <= 2048);
  }
  assert.ok(r.counters.tableRefused > 0);
});

/** A connection's worth of header blocks; fields come again, tables are resized. */
function* blocks(random: Random): Generator<[Buffer, FieldList]> {
  const e = new Encoder(true);
  for (let i = 0; i < 400; i++) {
    const resize = random.chance(0.02) ? e.resize(random.pick([0, 100, 1000, 4096, 20_000])) : Buffer.alloc(0);
    const fields: FieldList = [
      [':method', random.pick(['GET', 'POST', 'PURGE'])],
      [':scheme', 'http'],
      [':path', `/${random.below(random.pick([3, 1000]))}/${'x'.repeat(random.below(60))}`],
      [':authority', random.pick(['a.example', 'b.example'])],
      ['x-other', String(random.below(50))],
      ['x-large', random.chance(0.05) ? 'l'.repeat(random.below(5000)) : ''],
    ];
    yield [Buffer.concat([resize, e.block(fields)]), fields];
  }
}

/** What must be known of a field, by the blocks that were lost: nothing that was not read may be believed. */
test('behind a loss every field reads right or as unknown, and what is said anew is known', () => {
  let known = 0;
  let unknown = 0;
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed);
    const r = new Reader();
    const join = random.below(300);
    let i = 0;
    for (const [block, fields] of blocks(random)) {
      i++;
      if (i <= join || random.chance(0.01)) {
        r.table.lose();
        continue;
      }
      assert.ok(r.read(block), `seed ${seed}`);
      const values = new Map(fields);
      for (const [field, name] of [
        [METHOD, ':method'],
        [PATH, ':path'],
        [AUTHORITY, ':authority'],
      ] as const) {
        const said = r.fields.values[field]!;
        if (said === '') unknown++;
        else {
          known++;
          assert.equal(said, values.get(name), `seed ${seed}, block ${i}`);
        }
      }
      const missing = [METHOD, PATH, AUTHORITY, SCHEME].some((f) => r.fields.values[f] === '');
      assert.ok(!missing || r.fields.unknownPseudo > 0);
    }
  }
  assert.ok(known > 10 * unknown && unknown > 100, `${known} known, ${unknown} unknown`);
});

test('without a loss nothing is unknown', () => {
  for (let seed = 0; seed < 50; seed++) {
    const r = new Reader();
    for (const [block, fields] of blocks(new Random(seed))) {
      assert.ok(r.read(block));
      assert.equal(r.fields.unknown, 0);
      assert.equal(r.fields.values[PATH], new Map(fields).get(':path'));
    }
    assert.equal(r.counters.unknownFields, 0);
  }
});
