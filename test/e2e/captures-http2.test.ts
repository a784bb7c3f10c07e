/** Every capture among the fixtures that holds HTTP/2 or gRPC: all the exchanges that are in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, exchangesIn, fixturesOf, rowsOf, type Truths } from './transactions.ts';

const TRUTHS: Truths = {
  'http2/sv-http2-keywords2': [
    [
      null,
      {
        client: '10.9.0.2:58038',
        server: '139.162.123.134:80',
        operation: 'GET /robots.txt',
        request: 1,
        response: 6,
        status: '200',
        why: 'Frame 1 is the request, in HTTP/1.1 with `Upgrade: h2c`; frame 2 agrees, frame 6 answers on stream 1.',
      },
    ],
  ],
};

let compared = 0;

for (const fixture of ['http2', 'grpc'].flatMap(fixturesOf)) {
  test(fixture.name, async () => {
    const found = await exchangesIn(fixture.path);
    for (const protocol of ['http2', 'grpc', 'http']) {
      const rows = await rowsOf(fixture, protocol, protocol === 'http2' ? TRUTHS : {});
      compare(
        found.filter((l) => l.protocol === protocol),
        rows,
      );
      compared += rows.length;
    }
  });
}

test('the rows were there', () => assert.ok(compared > 45, `${compared} rows`));
