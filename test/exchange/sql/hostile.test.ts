/** Statements cut anywhere, damaged, or made to be slow: nothing leaks, nothing throws, time stays linear. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  maskSql,
  namespaceOf,
  readSql,
  type SqlDialect,
  summarizeSql,
  traceparentOf,
  tracestateOf,
  withoutSecrets,
} from '../../../src/exchange/sql/sql.ts';
import { Random } from '../../kit/random.ts';
import { MYSQL, POSTGRESQL } from './cases.ts';

const DIALECTS: readonly SqlDialect[] = ['mysql', 'mysql-plain-backslash', 'postgresql', 'postgresql-escape-backslash'];

/** Everything that may be done with a statement, and what must hold of it. */
function readAll(s: string, dialect: SqlDialect, keepComments: boolean): string {
  const masked = maskSql(s, dialect, keepComments);
  const summary = summarizeSql(s, dialect);
  assert.equal(maskSql(masked, dialect, keepComments), masked);
  const both = readSql(s, dialect, keepComments);
  assert.equal(both.text, masked);
  assert.equal(both.summary, summary);
  assert.ok(summary.length <= 255);
  // Signs may be added where a literal of one character stood, never more than one for each.
  assert.ok(masked.length <= 2 * s.length + 2);
  assert.ok(withoutSecrets(s, dialect).length <= s.length + 1);
  namespaceOf(s, dialect);
  traceparentOf(s);
  tracestateOf(s);
  return masked;
}

/** Content of a literal that can be found again: letters that no keyword or name in the templates has together. */
const MARK = 'qzXq';

/** Writes `content` as a literal in each of the dialect's forms. */
const FORMS: Record<'mysql' | 'postgresql', readonly ((content: string) => string)[]> = {
  mysql: [
    (c) => `'${c.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    (c) => `'${c.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
    (c) => `"${c.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
    (c) => `"${c.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`,
    (c) => `N'${c.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
    (c) => `_utf8mb4'${c.replaceAll('\\', '\\\\').replaceAll("'", "''")}' "${MARK}"`,
    (c) => `x'${c.replaceAll("'", '')}'`,
  ],
  postgresql: [
    (c) => `'${c.replaceAll("'", "''")}'`,
    (c) => `E'${c.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
    (c) => `E'${MARK}' -- more\n '${c.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
    (c) => `U&'${c.replaceAll("'", "''")}'`,
    (c) => `$$${c.replaceAll('$', '')}$$`,
    (c) => `$tag$${c.replaceAll('$tag$', '')}$$$tag$`,
    (c) => `B'${c.replaceAll("'", '')}'`,
  ],
};

const TEMPLATES = [
  (l: string) => `SELECT a FROM b WHERE c = ${l}`,
  (l: string) => `SELECT ${l}, d FROM b -- it's\n WHERE c IN (${l}, ${l})`,
  (l: string) => `INSERT INTO t (a, b) VALUES (1, ${l}), (2, ${l}) /* ' */`,
  (l: string) => `UPDATE t SET a = f(${l}) WHERE b = -5; DELETE FROM u WHERE v LIKE ${l}`,
  (l: string) => `SELECT x FROM t WHERE y IN (${l}, (SELECT z FROM w WHERE v = ${l}))`,
];

const piece = fc.constantFrom(
  ...["'", '"', '`', '\\', '$', '$$', '$tag', '--', '-- ', '/*', '*/', '#', '\n', ' ', ';', '(', ','],
);
const content = fc
  .array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 8 })
  .map((pieces) => `${MARK}${pieces.join(MARK)}${MARK}`);

describe('literals', () => {
  for (const dialect of ['mysql', 'postgresql'] as const) {
    test(`${dialect}: nothing of any survives, whole or cut anywhere`, () => {
      fc.assert(
        fc.property(content, fc.constantFrom(...FORMS[dialect]), fc.constantFrom(...TEMPLATES), (c, form, template) => {
          const s = template(form(c));
          for (let n = s.length; n > s.length - 60 && n > 0; n--) {
            const cut = s.slice(0, n);
            for (const out of [maskSql(cut, dialect, false), maskSql(cut, dialect, true), summarizeSql(cut, dialect)])
              assert.ok(!/qz|zX|Xq/.test(out), `${JSON.stringify(cut)} -> ${out}`);
          }
        }),
        { seed: 3, numRuns: 1500 },
      );
    });

    test(`${dialect}: what stands around one is the same whatever it holds`, () => {
      fc.assert(
        fc.property(content, fc.constantFrom(...FORMS[dialect]), fc.constantFrom(...TEMPLATES), (c, form, template) => {
          const s = template(form(c));
          const plain = template("'x'");
          assert.equal(maskSql(s, dialect, false), maskSql(plain, dialect, false), s);
          assert.equal(summarizeSql(s, dialect), summarizeSql(plain, dialect), s);
        }),
        { seed: 4, numRuns: 3000 },
      );
    });
  }

  test('digits of numbers do not survive', () => {
    const digits = fc.stringMatching(/^[1-9][0-9]{3,8}$/);
    const number = fc
      .tuple(digits, digits, fc.constantFrom('%', '.%', '%.@', '-%', '%e5', '%E-7', '0x%', '%.', '+.%'))
      .map(([a, b, form]) => [a, b, form.replace('%', a).replace('@', b)] as const);
    fc.assert(
      fc.property(
        number,
        fc.constantFrom(...TEMPLATES),
        fc.constantFrom(...DIALECTS),
        ([a, b, n], template, dialect) => {
          const out = maskSql(template(n), dialect, false);
          assert.ok(!out.includes(a) && !out.includes(b), `${n} -> ${out}`);
        },
      ),
      { seed: 5, numRuns: 2000 },
    );
  });
});

describe('damaged statements', () => {
  test('cut at every place', () => {
    for (const [dialect, statements] of [
      ['mysql', MYSQL],
      ['postgresql', POSTGRESQL],
    ] as const)
      for (const s of statements)
        for (let n = 0; n <= s.length; n++) {
          const cut = s.slice(0, n);
          for (const keep of [false, true]) assert.ok(!readAll(cut, dialect, keep).includes('secret'), cut);
          assert.ok(!withoutSecrets(cut, dialect).includes('secret-w'), cut);
        }
  });

  test('of any characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom(...DIALECTS),
        fc.boolean(),
        (s, dialect, keep) => {
          readAll(s, dialect, keep);
        },
      ),
      { seed: 6, numRuns: 3000 },
    );
  });

  const INPUTS = 200_000;
  const SECONDS = 25;

  test(`${INPUTS} mutated ones`, (t) => {
    const words = [
      ...[
        "'",
        '"',
        '`',
        '\\',
        '$$',
        '$a$',
        "E'",
        "x'",
        "U&'",
        '--',
        '-- ',
        '#',
        '/*',
        '*/',
        '/*!50003',
        '/*M!',
        '/*+',
        '\n',
        '\0',
      ],
      ...[
        '(',
        ')',
        ',',
        ';',
        '.',
        '-1',
        '1e',
        '0x',
        '.5',
        'IN (',
        'VALUES (1), (',
        'SELECT',
        ' FROM ',
        'WITH a AS (',
        'JOIN',
      ],
      ...['PASSWORD', 'IDENTIFIED BY', 'CREATE USER', '@', ':a', '$1', '?', 'TRUE', '_utf8', 'é', '\ud83d'],
    ];
    const untilMs = Date.now() + SECONDS * 1000;
    let inputs = 0;
    for (let seed = 0; inputs < INPUTS && Date.now() < untilMs; seed++) {
      const random = new Random(seed);
      for (let k = 0; k < 100; k++, inputs++) {
        let s = random.pick(random.chance(0.5) ? MYSQL : POSTGRESQL);
        for (let n = random.between(1, 4); n > 0; n--) {
          const at = random.below(s.length + 1);
          const to = Math.min(s.length, at + random.below(20));
          s = s.slice(0, at) + (random.chance(0.7) ? random.pick(words) : '') + s.slice(random.chance(0.5) ? at : to);
        }
        try {
          readAll(s, random.pick(DIALECTS), random.chance(0.5));
        } catch (e) {
          throw new Error(`seed ${seed}: ${JSON.stringify(s)}`, { cause: e });
        }
      }
    }
    t.diagnostic(`${inputs} statements`);
    assert.ok(inputs > 0);
  });
});

describe('time', () => {
  /** What might make a reader go over the same characters again and again: units to repeat, and what stands in front. */
  const UNITS: readonly (readonly [front: string, unit: string])[] = [
    ...[
      "'",
      '"',
      '`',
      "''",
      "\\'",
      "E'\n",
      "E''\n--\n",
      '/*',
      '*/',
      '/*/',
      '/*!',
      '/*!50003 ',
      '/*M!',
      "/*! ' */",
      '(',
      ')',
      ',',
    ].map((u) => ['', u] as const),
    ...[
      '$',
      '$a',
      '$a$',
      '$a$b',
      '--',
      '-- ',
      '- -',
      '#\n',
      ';',
      '.',
      'a.',
      '..1',
      '1.',
      '1_',
      '0x',
      '1e+',
      '@',
      ':',
      '?',
    ].map((u) => ['', u] as const),
    ...[
      'IN (',
      'IN (1,',
      'IN (IN (',
      'VALUES (',
      'VALUES (1),(',
      'VALUES (1), (SELECT (',
      'VALUES ((SELECT ',
      ', (1), (SELECT',
    ].map((u) => ['SELECT ', u] as const),
    ...[
      'SELECT ',
      'FROM (',
      'WITH a AS (',
      'USING ',
      'USING   (',
      'JOIN a ',
      ', b',
      'a ',
      'aaaaaaaaaaaaaaaaaaaa',
      'é',
      '\n',
      '\0',
    ].map((u) => ['SELECT * FROM t ', u] as const),
    [
      `WITH ${Array.from({ length: 40 }, (_, i) => `name${i + 10} AS (SELECT 1)`).join(', ')} SELECT * FROM x`,
      ', name5z',
    ],
    [`SELECT $${'a'.repeat(3000)}$`, `$${'a'.repeat(50)}`],
    ['SELECT 1 /*', ' traceparent = '],
    ['SELECT 1 /*', "tracestate='"],
    ["CREATE USER x IDENTIFIED BY '", 'passpas'],
    ["SELECT '", '://@'],
  ];

  const timeMs = (s: string): number => {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 2; run++) {
      const from = performance.now();
      for (const dialect of ['mysql', 'postgresql'] as const) {
        maskSql(s, dialect, true);
        summarizeSql(s, dialect);
        readSql(s, dialect, false);
        withoutSecrets(s, dialect);
        namespaceOf(`USE a;${s}`, dialect);
      }
      traceparentOf(`${s}*/`);
      tracestateOf(`${s}*/`);
      best = Math.min(best, performance.now() - from);
    }
    return best;
  };

  test('grows with the length, not with its square', () => {
    for (const [front, unit] of UNITS) {
      const make = (length: number): string => front + unit.repeat(Math.ceil(length / unit.length));
      const short = timeMs(make(5000));
      const long = timeMs(make(100_000));
      // Twenty times the length: a square would take 400 times as long. Below 2 ms the clock and the machine decide.
      assert.ok(long < 120 * Math.max(short, 2), `${front.slice(0, 30)}..${unit}: ${short} ms, ${long} ms`);
    }
  });
});
