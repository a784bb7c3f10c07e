/** Every capture among the fixtures: all the HTTP transactions that are in it are found, none is wrong, and nothing else is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { run, spantap } from './program.ts';
import {
  compare,
  exchangesIn,
  fixturesOf,
  identity,
  type Line,
  rowsOf,
  type Transaction,
  type Truths,
} from './transactions.ts';

const TRUTHS: Truths = {
  'http/sv-http-connect-fragmented': [
    [
      11,
      {
        client: '127.0.0.1:60484',
        server: '127.0.0.1:8001',
        operation: 'GET /',
        request: 9,
        response: 13,
        status: '200',
        why: 'The request inside the tunnel is cut: frame 9 is `GE`, frame 11 goes on with `T /`; frame 13 is a whole response.',
      },
    ],
  ],
  'http/zk-no-version': [
    [
      null,
      {
        client: '131.243.1.23:1035',
        server: '131.243.1.10:80',
        operation:
          'GET /cgi-bin/formmail.pl?email=f2@aol.com&subject=www-nrg.ee/cgi-bin/formmail.pl&recipient=unknownz@buy2save.com&msg=w00t',
        request: 4,
        response: 6,
        status: null,
        why: 'HTTP/0.9: a request line without version, answered by a page without head.',
      },
    ],
  ],
  'link/zk-mixed-vlan-mpls': [
    [
      37,
      {
        client: '10.20.80.1:50343',
        server: '10.0.0.15:80',
        operation: 'GET /',
        request: 37,
        response: 39,
        status: null,
        why: 'HTTP/0.9: frames 39 to 41 are the page, ended by the FIN of frame 42.',
      },
    ],
  ],
  'ip/zk-ipv6-http-atomic-frag': (
    [
      [36951, 8, 7],
      [59694, 16, 18],
      [27393, 26, 28],
      [45805, 36, 38],
    ] as const
  ).map(([port, request, response]) => [
    null,
    {
      client: `[2001:db8:1::2]:${port}`,
      server: '[2001:db8:1::1]:80',
      operation: 'GET /bad.html',
      request,
      response,
      status: null,
      why: 'HTTP/0.9. (Frames 7 and 8 lie in the file against their times; the capture ends before the FIN of the last.)',
    },
  ]),
  'tcp/sv-tcp-rst-unacked-stream-07-http': [
    [
      null,
      {
        client: '1.1.1.1:12345',
        server: '2.2.2.2:8080',
        operation: 'GET /',
        request: 4,
        response: null,
        status: null,
        why: 'The request line is whole, 16 bytes behind it were never captured, and frame 7 resets the connection.',
      },
    ],
  ],
  'tcp/sv-http-gap-double': [
    [
      23,
      {
        client: '127.0.0.1:51297',
        server: '127.0.0.1:8080',
        operation: 'GET /3',
        request: 23,
        response: 25,
        status: '200',
        why: 'The holes lie in the body before; frame 25 is a whole response and acknowledges this request only.',
      },
    ],
  ],
  // The IP datagrams around the mirrored frames are fragmented: the first byte comes with the first fragment, as most rows here have
  // it. tshark puts some TCP segments together that miss neighbours, and others not.
  'tunnel/zk-erspan': (
    [
      [
        105,
        49162,
        153,
        '200',
        'In fragments to frame 155: sequence 1096, acknowledging the request: the first bytes after it; frame 255 is 160 kB on.',
      ],
      [
        177,
        49165,
        187,
        '200',
        'In fragments to frame 189: sequence 1, the first bytes of that direction, acknowledging the request (507).',
      ],
      [
        209,
        49163,
        216,
        '200',
        'In fragments to frame 218: sequence 1090, the next after frame 185, acknowledging the request (1052).',
      ],
      [
        210,
        49165,
        null,
        null,
        'Of 41820 to 51072 nothing was captured; frame 243 belongs to frame 244, which answers frame 238.',
      ],
      [176, 49164, 178, '200', 'The first of the fragments that frame 180 completes.'],
      [238, 49165, 243, '200', 'In fragments to frame 244: acknowledges this request (1456).'],
      [248, 49162, 255, '200', 'In fragments to frame 260: acknowledges this request (3543).'],
      [278, 49166, 279, '200', 'The first of the fragments that frame 281 completes.'],
    ] as const
  ).map(([request, port, response, status, why]) => [
    request,
    { client: `192.168.69.10:${port}`, server: '192.168.69.2:80', operation: '', request, response, status, why },
  ]),
};

const TOPICS = ['http', 'websocket', 'link', 'tunnel', 'ip', 'tcp', 'damaged'];
const fixtures = TOPICS.flatMap(fixturesOf);
let compared = 0;

for (const fixture of fixtures) {
  // what the cut frames still say is looked at below; the others hold nothing, or what TRUTHS tells
  if (fixture.name === 'damaged/mk-snaplen-96') continue;
  test(fixture.name, async () => {
    const rows = await rowsOf(fixture, 'http', TRUTHS);
    const found = (await exchangesIn(fixture.path)).filter((l) => l.protocol === 'http');
    compare(found, rows);
    compared += rows.length;
  });
}

test('frames cut at 96 bytes: fewer transactions, but none that is not in the whole capture', async () => {
  const cut = fixtures.find((f) => f.name === 'damaged/mk-snaplen-96')!;
  const whole = fixtures.find((f) => f.name === 'http/zk-pipelined-requests')!;
  const found = await exchangesIn(cut.path);
  assert.ok(found.length > 0);
  const text = (r: Transaction | Line): string => identity(r, true);
  compare(
    found,
    whole.transactions!.filter((row) => found.some((line) => text(line) === text(row))),
  );
});

test('the rows were there', () => assert.ok(compared > 1100, `${compared} rows`));

/** Files that are damaged: where, and what the code of the message is. */
const DAMAGED: Record<string, [offset: number, code: string]> = {
  'damaged/mk-bad-trailing-length-ng': [31132, 'file-garbled'],
  'damaged/mk-bogus-caplen': [30550, 'file-garbled'],
  'damaged/mk-cut-mid-block-ng': [31132, 'file-truncated'],
  'damaged/mk-cut-mid-packet': [30550, 'file-truncated'],
  'damaged/mk-cut-mid-record-header': [30550, 'file-truncated'],
  'damaged/mk-epb-caplen-exceeds-block-ng': [31132, 'file-garbled'],
  'damaged/mk-garbage-tail': [45952, 'file-garbled'],
  'damaged/mk-zero-bytes': [0, 'file-empty'],
  // readable as it is, but nothing in it has a time
  'damaged/mk-simple-packet-blocks-ng': [48, 'file-no-timestamps'],
};

describe('the program', { concurrency: 2 }, () => {
  for (const fixture of fixtures.filter((f) => f.name.startsWith('damaged/'))) {
    const damage = DAMAGED[fixture.name];
    const code = damage === undefined ? 0 : 2;
    test(`${fixture.name}: exit code ${code}`, async () => {
      const r = await run(spantap('read', '--format', 'json', '--raw', fixture.path));
      assert.equal(r.code, code, r.err);
      if (damage === undefined) assert.equal(r.err, '');
      else {
        const [offset, reason] = damage;
        assert.match(r.err, new RegExp(`^spantap: ${fixture.path}: at byte ${offset}: \\S.* \\(${reason}\\)\n$`));
      }
      const lines = r.out.split('\n').slice(0, -1);
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        await exchangesIn(fixture.path),
      );
    });
  }
});
