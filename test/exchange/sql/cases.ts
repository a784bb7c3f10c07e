/** Statements of many shapes, by dialect: what the other tests cut, repeat and damage. */

export const MYSQL: readonly string[] = [
  "SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234 AND name = 'O''Brien' LIMIT 10",
  "SELECT \"a\\\"b\", 'it\\'s', N'x', _utf8mb4'y' \"z\", X'0F', 0x1F, b'01', 0b11 FROM `my``table` # tail",
  "INSERT INTO db.t (a, `b c`) VALUES (1, 'x'), (2.5e-3, 'y''z'), (NULL, NOW()) ON DUPLICATE KEY UPDATE a = VALUES(a)",
  "UPDATE LOW_PRIORITY t1, t2 SET t1.a = -1, t2.b = 'v' WHERE t1.id IN (1, 2, 3) AND t2.x = @v -- why\n AND 1--1",
  "/*!40101 SET NAMES utf8 */; /*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = 'b' */",
  "SELECT /*!40001 SQL_NO_CACHE */* FROM t; USE `other`; CALL other.proc('p', 3)",
  "CREATE USER IF NOT EXISTS 'bob'@'%' IDENTIFIED BY \"secret-word-1\" PASSWORD EXPIRE",
  "SET PASSWORD FOR 'bob'@'%' = PASSWORD('secret-word-2')",
  "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='secret-word-3', MASTER_PORT=3306",
  'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n JOIN orders USING (i)',
  "SELECT * FROM a LEFT JOIN (b, c d) ON a.x = b.x, e WHERE a.y = DATE '2020-01-02' + INTERVAL 3 DAY",
  "(SELECT 1 FROM a) UNION (SELECT 'x' FROM b) ORDER BY 1",
];

export const POSTGRESQL: readonly string[] = [
  'SELECT "Col", data->>\'key\', x::int, $1, :name FROM "S"."T" t WHERE a @> \'{"k": 1}\' AND b ? \'c\' AND d # 3 = 4',
  "SELECT $tag$ it's $other$ here $tag$, $$plain$$, E'a\\'b'\n  'c\\'d', U&'d!0061t' UESCAPE '!', 'C:\\' FROM f(1, 2) g",
  'SELECT 1_000.5, 0xDEADBEEF, 0o17, 0b11, .5, 1., 1e-9, -2, 5 - 3, a-1 /* outer /* inner */ still */ FROM t -- end',
  "INSERT INTO t (a) VALUES ($1), ($2), ('x') ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING id",
  "WITH moved AS (DELETE FROM a WHERE ts < '2020-01-01' RETURNING *) INSERT INTO b SELECT * FROM moved",
  'EXPLAIN (ANALYZE, BUFFERS) SELECT EXTRACT(YEAR FROM d) FROM only_here WHERE a IS DISTINCT FROM 5',
  "ALTER ROLE bob WITH ENCRYPTED PASSWORD 'secret-word-1' VALID UNTIL '2030-01-01'",
  "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h'); CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'u', password 'secret-word-2')",
  "CREATE SUBSCRIPTION s CONNECTION 'host=h password=secret-word-3 user=u' PUBLICATION p",
  "SELECT * FROM dblink('postgresql://u:secret-word-4@h/db', 'SELECT 1') AS t(a int)",
  "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$ SELECT 'x'; $body$",
  'BEGIN; DROP TABLE IF EXISTS a, "b"; COMMIT;',
];
