/** Masking: no literal leaves, everything else stays. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maskSql, type SqlDialect } from '../../../src/exchange/sql/sql.ts';
import { MYSQL, POSTGRESQL } from './cases.ts';

type Case = readonly [statement: string, masked: string];

function check(dialect: SqlDialect, cases: readonly Case[], keepComments = false): void {
  for (const [statement, masked] of cases) assert.equal(maskSql(statement, dialect, keepComments), masked, statement);
}

const both = (cases: readonly Case[]): void => {
  check('mysql', cases);
  check('postgresql', cases);
};

describe('masking', () => {
  test('of strings', () => {
    both([
      ["SELECT ''", 'SELECT ?'],
      ["SELECT 'it''s'", 'SELECT ?'],
      ["SELECT 'a' 'b'\n'c'", 'SELECT ?'],
      ["SELECT 'two\nlines', N'x', X'0F', B'01', x'' FROM t", 'SELECT ?, ?, ?, ?, ? FROM t'],
      ["SELECT a'b'", 'SELECT a?'],
      ["SELECT { guid '01234567-89ab' }", 'SELECT { guid ? }'],
      ["WHERE a='x'AND b=\t'y'", 'WHERE a=?AND b= ?'],
    ]);
    check('mysql', [
      ['SELECT \'it\\\'s\', \'end\\\\\', "say \\"hi\\"", "a""b"', 'SELECT ?, ?, ?, ?'],
      ["SELECT _utf8mb4'x', _binary 'y', N'\\'z'", 'SELECT ?, _binary ?, ?'],
      ["SELECT `it's`, `a``b'` FROM t WHERE c = 'x'", "SELECT `it's`, `a``b'` FROM t WHERE c = ?"],
      ["SELECT e'a\\'b'", 'SELECT e?'],
      ["'bob'@'%'", '?@?'],
    ]);
    check('mysql-plain-backslash', [["SELECT 'C:\\', 'x'", 'SELECT ?, ?']]);
    check('postgresql', [
      ["SELECT 'C:\\', 'x'", 'SELECT ?, ?'],
      ["SELECT E'it\\'s', e'a''b\\\\'", 'SELECT ?, ?'],
      ["SELECT E'a\\'b'\n -- so it goes on\n 'c\\'d', 'x'", 'SELECT ?, ?'],
      ["SELECT U&'d!0061t' UESCAPE '!', U&\"d\\0061t\"", 'SELECT ? UESCAPE ?, U&"d\\0061t"'],
      ['SELECT "it\'s", "a""b\'" FROM t WHERE c = \'x\'', 'SELECT "it\'s", "a""b\'" FROM t WHERE c = ?'],
      ["SELECT $$it's$$, $a$ $$ $b$ $a$, $ä1$x$ä1$", 'SELECT ?, ?, ?'],
      ['SELECT $a$ $a$a$ x', 'SELECT ?a$ x'],
      ['SELECT a$b$c, a$b$c', 'SELECT a$b$c, a$b$c'],
    ]);
    check('postgresql-escape-backslash', [["SELECT 'it\\'s', 'x'", 'SELECT ?, ?']]);
  });

  test('of numbers, with the sign where it is no operator', () => {
    both([
      ['SELECT 12, -12, +12', 'SELECT ?, ?, ?'],
      ['SELECT 12.34, -12.34, .01, -.01, 1.', 'SELECT ?, ?, ?, ?, ?'],
      ['SELECT 12.34e56, -12.34e-56, 1E+9, 1e9', 'SELECT ?, ?, ?, ?'],
      ['SELECT 99+100, a-1, b - 1, (c)-1, d*-1', 'SELECT ?+?, a-?, b - ?, (c)-?, d*?'],
      ['SELECT 0xDEADBEEF, 0xdeadBEEF', 'SELECT ?, ?'],
      ['SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234', 'SELECT c3po, r2d2 FROM covid19 WHERE n1h1=?'],
      ['WHERE a BETWEEN -1 AND -2 AND b>=-3', 'WHERE a BETWEEN ? AND ? AND b>=?'],
      ['LIMIT 10 OFFSET 20', 'LIMIT ? OFFSET ?'],
      ['SELECT 1/2/34', 'SELECT ?/?/?'],
      ["DATE '2020-01-01' - INTERVAL '1 day'", 'DATE ? - INTERVAL ?'],
    ]);
    check('mysql', [
      ['SELECT 2fa_codes, t.1st, 1e5x, 0x1g, 0b12 FROM 7eleven', 'SELECT 2fa_codes, t.1st, ?x, 0x1g, ? FROM 7eleven'],
      ['SELECT 0b11, INTERVAL 1 DAY', 'SELECT ?, INTERVAL ? DAY'],
      ['SELECT 1--1, 2--/* x */ a', 'SELECT ?-?, ?- - a'],
    ]);
    check('postgresql', [
      ['SELECT 1_000, 0o17, 0b11, 0x_1f, 1_0.5_0e1_0', 'SELECT ?, ?, ?, ?, ?'],
      ['SELECT 5AND 6, 12ab34', 'SELECT ?AND ?, ?'],
      ['SELECT a[1:2], @-5, x.5', 'SELECT a[?:?], @?, x?'],
    ]);
  });

  test('of booleans, not of NULL, names and placeholders', () => {
    both([
      ['WHERE a = TRUE OR b = false OR t.true IS NULL', 'WHERE a = ? OR b = ? OR t.true IS NULL'],
      ['WHERE a = ? AND b = :name AND c = @v', 'WHERE a = ? AND b = :name AND c = @v'],
      ['SELECT ąś∂ń© FROM źćļńĶ7', 'SELECT ąś∂ń© FROM źćļńĶ7'],
    ]);
    check('mysql', [['SELECT @a, @@global.b, $x', 'SELECT @a, @@global.b, $x']]);
    check('postgresql', [
      ["SELECT $1, $22::int, a::text, b ? 'k', c @> d", 'SELECT $1, $22::int, a::text, b ? ?, c @> d'],
    ]);
  });

  test('folds IN lists and rows of VALUES', () => {
    both([
      ["WHERE a IN (1, 'b', -.5, NULL, ?)", 'WHERE a IN (?)'],
      ['WHERE a in(\n1\n)', 'WHERE a in(?)'],
      ['WHERE a NOT IN ((1,2),(3,4)) AND b', 'WHERE a NOT IN (?) AND b'],
      ['WHERE a IN (b, 2)', 'WHERE a IN (b, ?)'],
      ['WHERE a IN ()', 'WHERE a IN ()'],
      ['WHERE a IN (SELECT b FROM c WHERE d IN (1, 2))', 'WHERE a IN (SELECT b FROM c WHERE d IN (?))'],
      ['WHERE a IN (1, 2', 'WHERE a IN (?'],
      ['VALUES (1, 2), (3, 4) , (5, 6)', 'VALUES (?, ?)'],
      ["INSERT INTO X VALUES(1, 99+100),(2, now()),(3, 'x", 'INSERT INTO X VALUES(?, ?+?)'],
      ['VALUES (1), ((SELECT a FROM b)), (2), (3) RETURNING c', 'VALUES (?), ((SELECT a FROM b)) RETURNING c'],
      ['UPDATE t SET a = VALUES(a), b = VALUES(b)', 'UPDATE t SET a = VALUES(a), b = VALUES(b)'],
      [')), (1), (2)', ')), (?), (?)'],
    ]);
    check('mysql', [['VALUES ROW(1, 2), ROW(3, 4) ORDER BY 1', 'VALUES ROW(?, ?) ORDER BY ?']]);
    check('postgresql', [["WHERE a IN ('x'::uuid, $1, $2)", 'WHERE a IN (?)']]);
  });

  test('makes comments and spaces one space', () => {
    both([
      [' \t SELECT\n\n a/**/b /* x */ ', 'SELECT a b'],
      ['SELECT a -- b\nFROM c --', 'SELECT a FROM c'],
      ['SELECT a /* never ended', 'SELECT a'],
    ]);
    check('mysql', [
      ["SELECT a # it's\n, b", 'SELECT a , b'],
      ["SELECT a --\u0001it's\n, b", 'SELECT a , b'],
      ["SELECT /* /* */ 'a' */ b", 'SELECT ? */ b'],
      ["SELECT a -- x\0'y\n z'", 'SELECT a ?'],
    ]);
    check('postgresql', [
      ['SELECT a # b, c--1', 'SELECT a # b, c'],
      ["SELECT /* /* */ 'a' */ b", 'SELECT b'],
      ["SELECT a -- b\r, 'c'", 'SELECT a , ?'],
    ]);
  });

  test('keeps comments where asked, but none with a secret or a literal in a hint', () => {
    check(
      'mysql',
      [
        ["SELECT /* app: x */ 1 -- it's\nFROM t # end", "SELECT /* app: x */ ? -- it's\nFROM t # end"],
        ['SELECT /* password=abc */ 1 -- pwd: x\n, 2', 'SELECT ? , ?'],
        ['SELECT /*+ NO_MERGE(t) */ 1 /*+ MAX_EXECUTION_TIME(1000) */', 'SELECT /*+ NO_MERGE(t) */ ?'],
        ['SELECT 1 /* never ended', 'SELECT ?'],
      ],
      true,
    );
    check('postgresql', [["SELECT /* a /* b */ 'c' */ 1", "SELECT /* a /* b */ 'c' */ ?"]], true);
  });

  test('reads version comments as code', () => {
    check('mysql', [
      ["/*!50003 SET a = 'x' */ b", '/*!50003 SET a = ? */ b'],
      ["/*! SET a = 1*/ /*M!100301 SET b = 2 */ 'x'", '/*! SET a = ?*/ /*M!100301 SET b = ? */ ?'],
      [
        'SELECT /*!40001 SQL_NO_CACHE */* FROM t WHERE a IN (/*!40001 1 */*2)',
        'SELECT /*!40001 SQL_NO_CACHE */* FROM t WHERE a IN (/*!40001 ? */*?)',
      ],
    ]);
    check('postgresql', [["/*!50003 SET a = 'x' */ b", 'b']]);
  });

  test('believes nothing behind a version comment whose end depends on the server', () => {
    // A server that skips the comment reads 'x' as a literal and one that executes it reads SELECT as content.
    check('mysql', [
      ["/*!99999 it's */ SELECT 'secret'", '/*!99999 it'],
      ["/*!99999 # */ SELECT 'a\n secret' , b", '/*!99999'],
      ['/*!99999 `*/ SELECT `secret', '/*!99999'],
    ]);
  });

  test('masks a double-quoted password that PostgreSQL takes for a name', () => {
    check('postgresql', [['ALTER ROLE bob PASSWORD "s3cret"', 'ALTER ROLE bob PASSWORD ?']]);
  });

  test('is the same when done again', () => {
    for (const keep of [false, true]) {
      for (const [dialect, statements] of [
        ['mysql', MYSQL],
        ['postgresql', POSTGRESQL],
      ] as const) {
        for (const s of statements) {
          const once = maskSql(s, dialect, keep);
          assert.equal(maskSql(once, dialect, keep), once);
        }
      }
    }
  });
});
