/** `db.query.summary`. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readSql, type SqlDialect, summarizeSql } from '../../../src/exchange/sql/sql.ts';
import { MYSQL, POSTGRESQL } from './cases.ts';

type Case = readonly [statement: string, summary: string];

function check(dialect: SqlDialect, cases: readonly Case[]): void {
  for (const [statement, summary] of cases) assert.equal(summarizeSql(statement, dialect), summary, statement);
}

const both = (cases: readonly Case[]): void => {
  check('mysql', cases);
  check('postgresql', cases);
};

describe('summary', () => {
  test('of the conventions own examples', () => {
    both([
      ['SELECT *\nFROM   wuser_table\nWHERE  username = ?', 'SELECT wuser_table'],
      [
        'INSERT INTO shipping_details (order_id, address) SELECT order_id, address FROM orders WHERE order_id = ?',
        'INSERT shipping_details SELECT orders',
      ],
      ['SELECT * FROM songs, artists WHERE songs.artist_id == artists.id', 'SELECT songs artists'],
      [
        'SELECT order_date FROM (SELECT * FROM orders o JOIN customers c ON o.customer_id = c.customer_id)',
        'SELECT SELECT orders customers',
      ],
      ['{call some_stored_procedure}', 'call some_stored_procedure'],
    ]);
    // A literal where a table should be is left out: it might be anything.
    check('postgresql', [['SELECT * FROM "song list", \'artists\'', 'SELECT "song list"']]);
  });

  test('of queries', () => {
    both([
      ['SELECT 1', 'SELECT'],
      ['SeLeCT * FrOm users', 'SeLeCT users'],
      ['SELECT * FROM table WHERE a = 1', 'SELECT table'],
      ['SELECT a FROM dbo.Table JOIN db . other_1 AS x ON true', 'SELECT dbo.Table db.other_1'],
      ['SELECT * FROM t1 a LEFT JOIN t2 b ON a.id = b.id, t3 NATURAL JOIN t4', 'SELECT t1 t2 t3 t4'],
      ['SELECT * FROM (t1, t2 JOIN t3 USING (a)), t4 ORDER BY x, y', 'SELECT t1 t2 t3 t4'],
      ['SELECT * FROM a CROSS JOIN LATERAL (SELECT * FROM b) AS c, LATERAL (SELECT 1) d', 'SELECT a SELECT b SELECT'],
      ['SELECT a FROM t UNION ALL SELECT b FROM u, v', 'SELECT t SELECT u v'],
      ['(SELECT 1 FROM a) UNION (SELECT 2 FROM b)', 'SELECT a SELECT b'],
      ['SELECT a, (SELECT max(x) FROM u) FROM t WHERE b IN (SELECT c FROM v)', 'SELECT SELECT u t SELECT v'],
      ['SELECT EXTRACT(YEAR FROM d), TRIM(BOTH x FROM y) FROM t WHERE a IS DISTINCT FROM b', 'SELECT t'],
      ['SELECT * FROM f(1, (SELECT a FROM b)) g', 'SELECT f SELECT b'],
      ['SELECT * FROM t WHERE a = 5 FOR UPDATE', 'SELECT t'],
      ['SELECT a FROM SelectedData', 'SELECT SelectedData'],
      ['SELECT (SELECT', 'SELECT SELECT'],
      ['TABLE t', 'TABLE t'],
      ['VALUES (1), (2)', 'VALUES'],
      ['SELECT * FROM (VALUES (1), (2)) AS t(id) JOIN users u ON t.id = u.id', 'SELECT users'],
    ]);
    check('mysql', [
      ['SELECT * FROM `schema`.`my``table` STRAIGHT_JOIN b', 'SELECT `schema`.`my``table` b'],
      ['SELECT * FROM 2fa_codes, db.7eleven', 'SELECT 2fa_codes db.7eleven'],
      ['SELECT STRAIGHT_JOIN a FROM t', 'SELECT t'],
      ['SELECT /*!40001 SQL_NO_CACHE */* FROM t', 'SELECT t'],
      ['SELECT * FROM "users"', 'SELECT'],
    ]);
    check('postgresql', [
      ['SELECT * FROM ONLY "S"."T"', 'SELECT "S"."T"'],
      ["SELECT $$ FROM x $$, 'FROM y' FROM z -- FROM a\n, b /* , c */", 'SELECT z b'],
    ]);
  });

  test('of queries with names', () => {
    both([
      ['WITH a AS (SELECT * FROM t1), b (x) AS (SELECT * FROM A, t2) SELECT * FROM b', 'SELECT t1 SELECT t2 SELECT'],
      ['WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT * FROM n JOIN t', 'SELECT SELECT SELECT t'],
      ['WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x', 'SELECT INSERT t SELECT'],
      ['WITH x AS (SELECT id FROM o) DELETE FROM t WHERE id IN (SELECT id FROM x)', 'SELECT o DELETE t SELECT'],
      ['INSERT INTO t WITH x AS (SELECT 1 FROM u) SELECT * FROM x', 'INSERT t SELECT u SELECT'],
      ['SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x, s.x) y', 'SELECT SELECT SELECT s.x'],
      ['SELECT a, count(*) FROM t GROUP BY a WITH ROLLUP', 'SELECT t'],
    ]);
    check('postgresql', [
      ['WITH a AS MATERIALIZED (DELETE FROM t RETURNING *) UPDATE u SET x = 1 FROM a', 'DELETE t UPDATE u'],
    ]);
  });

  test('of changes', () => {
    both([
      ['insert into metrics.users (id, comment) values (1, 2)', 'insert metrics.users'],
      ['INSERT INTO t (a) VALUES ((SELECT b FROM u)) ON DUPLICATE KEY UPDATE a = 1, b = 2', 'INSERT t SELECT u'],
      ['INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1', 'INSERT t'],
      ['UPDATE t SET a = (SELECT x FROM u), b = 2 WHERE c = 3', 'UPDATE t SELECT u'],
      ['UPDATE a, b SET a.x = b.x', 'UPDATE a b'],
      ['DELETE FROM t WHERE a IN (SELECT b FROM u)', 'DELETE t SELECT u'],
    ]);
    check('mysql', [
      ['REPLACE LOW_PRIORITY INTO t SET a = 1', 'REPLACE t'],
      ['INSERT IGNORE t VALUES (1)', 'INSERT t'],
      ['DELETE t1, t2 FROM t1 JOIN t2 USING (id) JOIN t3', 'DELETE t1 t2 t3'],
      ["LOAD DATA LOCAL INFILE 'f' INTO TABLE db.t FIELDS TERMINATED BY ','", 'LOAD db.t'],
      ['UPDATE LOW_PRIORITY t1 JOIN t2 ON a = b SET x = 1', 'UPDATE t1 t2'],
    ]);
    check('postgresql', [
      ['UPDATE ONLY t SET a = u.a FROM u WHERE t.id = u.id', 'UPDATE t u'],
      ['DELETE FROM t USING u, v WHERE t.id = u.id', 'DELETE t u v'],
      ['MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN UPDATE SET y = 1', 'MERGE a b'],
      ['COPY t (a, b) FROM STDIN', 'COPY t'],
      ['COPY (SELECT * FROM t) TO STDOUT', 'COPY SELECT t'],
    ]);
  });

  test('of definitions', () => {
    both([
      ['CREATE  TABLE MyTable (\n ID INT, comment TEXT, "end" INT DEFAULT 1)', 'CREATE TABLE MyTable'],
      ['CREATE TABLE IF NOT EXISTS a.b AS SELECT * FROM c', 'CREATE TABLE a.b SELECT c'],
      ['CREATE UNIQUE INDEX IX_Email ON Employees (Email);', 'CREATE INDEX IX_Email'],
      ['CREATE OR REPLACE VIEW v AS SELECT * FROM t', 'CREATE VIEW v'],
      ['ALTER TABLE Orders DROP COLUMN x, ADD y INT', 'ALTER TABLE Orders'],
      ['DROP TABLE IF EXISTS a, b CASCADE', 'DROP TABLE a b'],
      ['DROP DATABASE IF EXISTS TestDb', 'DROP DATABASE TestDb'],
      ['TRUNCATE TABLE users', 'TRUNCATE TABLE users'],
      ['truncate users', 'truncate users'],
      ['GRANT SELECT ON a TO b', 'GRANT'],
      ['CREATE PROCEDURE p() BEGIN SELECT 1; DELETE FROM t; END', 'CREATE PROCEDURE p'],
    ]);
    check('mysql', [
      ["CREATE USER 'bob'@'%' IDENTIFIED BY 'x'", 'CREATE USER'],
      ['CREATE DEFINER=`root`@`localhost` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1', 'CREATE TRIGGER tr'],
      ['RENAME TABLE a TO b, c TO d', 'RENAME TABLE a c'],
      ['LOCK TABLES a READ, b WRITE', 'LOCK TABLES a b'],
    ]);
    check('postgresql', [
      ['CREATE INDEX CONCURRENTLY ON t (a)', 'CREATE INDEX'],
      ['REFRESH MATERIALIZED VIEW CONCURRENTLY v', 'REFRESH VIEW v'],
      ['VACUUM FULL t', 'VACUUM t'],
      ['ANALYZE t', 'ANALYZE t'],
      ['CREATE ROLE app LOGIN', 'CREATE ROLE app'],
    ]);
  });

  test('of the rest', () => {
    both([
      ['BEGIN; UPDATE t SET a = 1; COMMIT', 'BEGIN UPDATE t COMMIT'],
      ['; ; SELECT * FROM t1; ; SELECT * FROM t2; ;', 'SELECT t1 SELECT t2'],
      ['START TRANSACTION READ ONLY', 'START TRANSACTION'],
      ['SAVEPOINT sp_1234', 'SAVEPOINT'],
      ['DEALLOCATE pdo_stmt_0001', 'DEALLOCATE'],
      ['SHOW TABLES FROM x', 'SHOW'],
      ["SET NAMES 'utf8'", 'SET'],
      ['CALL db.proc(1)', 'CALL db.proc'],
      ['EXPLAIN SELECT * FROM users', 'EXPLAIN SELECT users'],
      ['EXPLAIN WITH x AS (SELECT 1) SELECT * FROM x, y', 'EXPLAIN SELECT SELECT y'],
      ['/* update t */ SELECT 1 FROM u', 'SELECT u'],
      ['', ''],
      [' ;; /* x */', ''],
    ]);
    check('mysql', [['use mydb', 'use mydb']]);
    check('postgresql', [
      ['EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t', 'EXPLAIN SELECT t'],
      ['DECLARE c CURSOR FOR SELECT * FROM t', 'DECLARE SELECT t'],
      ['PREPARE p (int) AS INSERT INTO t VALUES ($1)', 'PREPARE INSERT t'],
    ]);
  });

  test('is empty for what is no statement', () => {
    both([
      ['foo bar FROM t', ''],
      ['SEL', ''],
      ['7', ''],
      ['\ufffd\u0000', ''],
      ["'SELECT' FROM t", ''],
    ]);
  });

  test('has at most 255 characters and ends with a whole name', () => {
    const tables = Array.from({ length: 60 }, (_, i) => `table_${String(i).padStart(3, '0')}`);
    const found = summarizeSql(`SELECT * FROM ${tables.join(', ')}`, 'mysql');
    assert.ok(found.length <= 255 && found.length > 240);
    assert.match(found, /^SELECT table_000 .* table_\d{3}$/);
    assert.equal(summarizeSql(`SELECT * FROM ${'x'.repeat(300)}`, 'mysql'), 'SELECT');
    assert.equal(summarizeSql(`SELECT * FROM a, b.${'x'.repeat(300)}, c`, 'mysql'), 'SELECT a');
    assert.equal(summarizeSql(`SELECT * FROM ${'x'.repeat(248)}`, 'mysql').length, 255);
  });

  test('of a cut statement has no cut name', () => {
    assert.equal(summarizeSql('SELECT * FROM a, use', 'mysql', true), 'SELECT a');
    assert.equal(summarizeSql('SELECT * FROM a, use', 'mysql', false), 'SELECT a use');
    assert.equal(summarizeSql('SELECT * FROM a, `use', 'mysql', true), 'SELECT a');
    assert.equal(summarizeSql('SELECT * FROM a, b.c', 'mysql', true), 'SELECT a');
  });

  test('is the same from one pass for both', () => {
    for (const [dialect, statements] of [
      ['mysql', MYSQL],
      ['postgresql', POSTGRESQL],
    ] as const)
      for (const s of statements) assert.equal(readSql(s, dialect, false).summary, summarizeSql(s, dialect));
  });

  test('is one and the same string each time', () => {
    const made = (n: number): string => summarizeSql(`SELECT ${n} FROM some_table_of_mine`, 'mysql');
    assert.equal(made(1), 'SELECT some_table_of_mine');
    for (let n = 0; n < 5000; n++) {
      assert.equal(summarizeSql(`SELECT * FROM t${n}`, 'mysql'), `SELECT t${n}`);
      assert.equal(made(n), 'SELECT some_table_of_mine');
    }
  });
});
