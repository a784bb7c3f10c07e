/** Every capture of PostgreSQL among the fixtures: all that is asked in it is found, nothing is wrong, and nothing else is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, type Line, rowsOf, type Transaction, type Truths } from './transactions.ts';

const TRUTHS: Truths = {
  'postgresql/df-prepare_stat': [
    [
      1,
      {
        client: '172.17.0.1:57338',
        server: '172.17.0.3:5432',
        operation: '',
        request: 1,
        response: null,
        status: null,
        why: 'Frame 2 begins 50 bytes behind what frame 1 acknowledges and acknowledges 36 bytes that frame 1 does not hold; it begins with BindComplete, and frame 1 has no Bind.',
      },
    ],
  ],
};

/** Rows whose statement was prepared before the capture have its name instead. */
type Row = Omit<Transaction, 'operation'> & { readonly operation: string | null; readonly statement?: string };
type Found = Line & { readonly attributes: Readonly<Record<string, string | number>> };

/** tshark does not read UTF-8, and has a space for each line feed. */
const plain = (text: string): string => text.replace(/[^ -~\s]+/g, '?').replace(/\s/g, ' ');

/** What is found of a statement that is longer than `protocols.maxStatementBytes` is its beginning. */
function likeFound(row: Row, found: readonly Found[]): Transaction {
  if (row.operation === null) return { ...row, operation: `EXECUTE ${row.statement}` };
  const operation = plain(row.operation);
  const cut = found.find((l) => l.start === row.start && 'spantap.db.query.cut' in l.attributes);
  if (cut === undefined) return { ...row, operation };
  const kept = plain(cut.operation);
  const bytes = Buffer.byteLength(cut.operation) + Number(cut.attributes['spantap.db.query.cut']);
  assert.ok(Buffer.byteLength(cut.operation) > 4092 && bytes > 4096);
  return { ...row, operation: operation.slice(0, kept.length) };
}

let compared = 0;

for (const fixture of fixturesOf('postgresql')) {
  test(fixture.name, async () => {
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'postgresql') as Found[];
    const rows = (await rowsOf(fixture, 'postgresql', TRUTHS)).map((r) => likeFound(r, found));
    compare(
      found.map((l) => ({ ...l, operation: plain(l.operation) })),
      rows,
    );
    compared += rows.length;
  });
}

test('rows sent to the client are counted', async () => {
  const fixture = fixturesOf('postgresql').find((f) => f.name === 'postgresql/df-pgsql-all')!;
  const found = (await exchangesIn(fixture.path)) as Found[];
  const rows = (fixture.transactions as (Transaction & { rows?: number })[]).map((t) => t.rows ?? 0);
  assert.deepEqual(
    found.map((l) => l.attributes['db.response.returned_rows']),
    rows,
  );
});

test('the rows were there', () => assert.ok(compared > 70, `${compared} rows`));
