/** What never leaves, masking or not; and trace context, database names in statements. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  maskSql,
  namespaceOf,
  type SqlDialect,
  summarizeSql,
  traceparentOf,
  tracestateOf,
  withoutSecrets,
} from '../../../src/exchange/sql/sql.ts';
import { MYSQL, POSTGRESQL } from './cases.ts';

const SECRET = 'hUnter2';

const MYSQL_SECRETS = [
  "CREATE USER 'bob'@'%' IDENTIFIED BY 'hUnter2'",
  'create /* x */ user bob@localhost identified/**/by "hUnter2" require ssl',
  "CREATE OR REPLACE USER IF NOT EXISTS bob IDENTIFIED VIA ed25519 USING PASSWORD('hUnter2')",
  "ALTER USER bob IDENTIFIED WITH caching_sha2_password BY 'hUnter2' REPLACE 'old hUnter2'",
  "ALTER USER USER() IDENTIFIED BY 'it\\'s hUnter2'",
  "GRANT ALL ON *.* TO bob IDENTIFIED BY PASSWORD '*hUnter2'",
  "SET PASSWORD = 'hUnter2'",
  "SET PASSWORD FOR 'bob'@'%' = PASSWORD(\"hUnter2\")",
  "SET @pw = 'hUnter2'",
  "CHANGE MASTER TO MASTER_USER='u', MASTER_PASSWORD='hUnter2'",
  "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'hUnter2'",
  "START REPLICA USER='u' PASSWORD='hUnter2'",
  "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'hUnter2')",
  "CREATE TABLE f (a INT) ENGINE=FEDERATED CONNECTION='mysql://u:hUnter2@h/db/t'",
  "PREPARE s FROM 'ALTER USER bob IDENTIFIED BY ''hUnter2'''",
  "SET @sql = CONCAT('ALTER USER bob IDENTIFIED BY ''', 'hUnter2', '''')",
  "UPDATE wp_users SET user_pass = 'hUnter2' WHERE id = 1",
  "INSERT INTO users (name, `password`) VALUES ('bob', 'hUnter2')",
  "/*!50003 CREATE USER bob IDENTIFIED BY 'hUnter2' */",
  'SELECT 1 -- the password is hUnter2',
  'SELECT 1 /* pwd=hUnter2 */',
];

const POSTGRESQL_SECRETS = [
  "CREATE USER bob PASSWORD 'hUnter2'",
  "ALTER ROLE bob WITH ENCRYPTED PASSWORD E'it\\'s hUnter2' VALID UNTIL 'infinity'",
  'ALTER ROLE bob PASSWORD "hUnter2"',
  'alter role bob password $x$hUnter2$x$',
  "CREATE ROLE bob LOGIN /* a /* b */ */ PASSWORD\n'md5hUnter2'",
  "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'u', password 'hUnter2')",
  "ALTER SERVER s OPTIONS (SET token 'hUnter2')",
  "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hUnter2' PUBLICATION p",
  "ALTER SUBSCRIPTION s CONNECTION 'postgresql://u:hUnter2@h/db'",
  "ALTER SYSTEM SET primary_conninfo = 'user=u hUnter2'",
  "SELECT dblink_connect('c', 'dbname=d password=hUnter2')",
  "SELECT * FROM dblink('postgres://u:hUnter2@h/d', 'SELECT 1') AS t(a int)",
  "COPY t FROM PROGRAM 'curl -u bob:hUnter2 h'",
  "DO $$ BEGIN EXECUTE 'ALTER ROLE bob PASSWORD ''hUnter2'''; END $$",
  "EXECUTE change_it ('hUnter2')",
  'UPDATE users SET "userPassword" = \'hUnter2\' WHERE id = 1',
  "SELECT set_config('app.jwt_secret', 'hUnter2', false)",
];

const all = (run: (statement: string, dialect: SqlDialect) => void): void => {
  for (const s of MYSQL_SECRETS) run(s, 'mysql');
  for (const s of POSTGRESQL_SECRETS) run(s, 'postgresql');
};

describe('secrets', () => {
  test('are removed without masking', () => {
    all((s, dialect) => {
      assert.ok(s.includes(SECRET));
      assert.ok(!withoutSecrets(s, dialect).includes(SECRET), s);
    });
  });

  test('are removed from a statement cut anywhere', () => {
    all((s, dialect) => {
      // What the statement says of its literals must have been said in front of the cut.
      for (let n = s.indexOf(SECRET) + 3; n <= s.length; n++) {
        const cut = s.slice(0, n);
        for (const out of [withoutSecrets(cut, dialect), maskSql(cut, dialect, true), summarizeSql(cut, dialect)])
          assert.ok(!out.includes('hUn'), `${cut} -> ${out}`);
      }
    });
  });

  test('are removed from each of several statements, the others stay', () => {
    assert.equal(
      withoutSecrets("SELECT 'a' ; ALTER USER bob IDENTIFIED BY \"x;'y\" ;\n SELECT  'b', 0x1F -- c", 'mysql'),
      "SELECT 'a' ; ALTER USER bob IDENTIFIED BY ? ;\n SELECT  'b', 0x1F -- c",
    );
  });

  test('everything else stays as it was sent', () => {
    const plain = [
      "SELECT  'x', 5 /* c */ FROM passengers WHERE passport = 'p' AND compass = 1 -- d\n",
      "INSERT INTO t VALUES (1, 'http://example.org/a?b=c'), (2, 'a@b')",
      ' ; ;',
      "SELECT 'not ended",
    ];
    for (const s of plain) {
      assert.equal(withoutSecrets(s, 'mysql'), s);
      assert.equal(withoutSecrets(s, 'postgresql'), s);
    }
    assert.equal(withoutSecrets(MYSQL[0]!, 'mysql'), MYSQL[0]);
    assert.equal(withoutSecrets(POSTGRESQL[0]!, 'postgresql'), POSTGRESQL[0]);
  });
});

describe('trace context', () => {
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  test('at the end or the beginning', () => {
    const state = "tracestate='congo%3Dt61rcWkgMzE%2Crojo%3D00f067aa0ba902b7'";
    for (const s of [
      `SELECT 1 /*traceparent='${parent}',${state}*/`,
      `SELECT 1 /*${state},traceparent='${parent}'*/ ;\n`,
      ` /* action='a%27b', traceparent = '${parent}' , ${state} */ SELECT 1 /* x */`,
    ]) {
      assert.equal(traceparentOf(s), parent, s);
      assert.equal(tracestateOf(s), 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7', s);
    }
  });

  test('nowhere else', () => {
    for (const s of [
      '',
      '/*',
      '*/',
      '/*/',
      'SELECT 1 /* x */',
      `SELECT '/*traceparent=''${parent}''*/'`,
      `SELECT 1 /*xtraceparent='${parent}'*/`,
      `SELECT 1 /*traceparent='${parent.toUpperCase()}'*/`,
      `SELECT 1 /*traceparent='${parent.slice(1)}'*/`,
      `SELECT 1 /*traceparent='${parent}*/`,
    ])
      assert.equal(traceparentOf(s), '', s);
    assert.equal(tracestateOf("SELECT 1 /*tracestate='a%3'*/"), '');
  });
});

describe('the database of USE', () => {
  test('with and without quotes', () => {
    const cases = [
      ['USE shop', 'shop'],
      ['/* x */ use `my``db`;', 'my`db'],
      ["SELECT 'USE x; '; USE a; SELECT 1; USE b;", 'b'],
      ['USE 2fa;', '2fa'],
      ['SELECT * FROM t USE INDEX (a)', ''],
      ['SELECT 1; SELECT * FROM t USE INDEX (a);', ''],
      ['USE', ''],
      ["USE 'x'", ''],
      ['USE `x', ''],
      ['', ''],
    ] as const;
    for (const [s, name] of cases) assert.equal(namespaceOf(s, 'mysql'), name, s);
    assert.equal(namespaceOf('USE sho', 'mysql', true), '');
    assert.equal(namespaceOf('USE shop;', 'mysql', true), 'shop');
    assert.equal(namespaceOf('USE shop', 'postgresql'), '');
  });
});
