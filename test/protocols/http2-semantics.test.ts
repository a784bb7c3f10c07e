/** What exchanges of HTTP/2 and calls of gRPC mean: names, attributes, errors, and what must never leave the wire. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMPLETE, type Exchange, OPEN, RESET } from '../../src/exchange/exchange.ts';
import { CLIENT, SERVER } from '../../src/exchange/semantics.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, fin, mumble, type Turn } from '../kit/conversation.ts';
import { CLIENT as FROM_CLIENT, SERVER as FROM_SERVER } from '../kit/frame.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  Encoder,
  type FieldList,
  frame,
  GOAWAY,
  HEADERS,
  message,
  PADDED,
  RST_STREAM,
  u32,
} from './http2-wire.ts';

const plain = new Encoder();
const BOTH = END_HEADERS | END_STREAM;

function found(...turns: readonly Turn[]): Exchange[] {
  const all = [...turns, fin(FROM_CLIENT), fin(FROM_SERVER)];
  const rig = new Rig().feed(frames({ name: 'one', turns: all, expected: [] }, link({ serverPort: 8080 }))).end();
  return rig.found.map((f) => f.record);
}

const REQUEST: FieldList = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/cart/7?item=9&token=s3cret-1'],
  [':authority', 'shop.example:8443'],
  ['user-agent', 'curl/8'],
];
const CALL: FieldList = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/shop.Cart/Get'],
  [':authority', 'shop.example'],
  ['content-type', 'application/grpc'],
];

const headers = (fields: FieldList, flags = BOTH): Buffer => frame(HEADERS, flags, 1, plain.block(fields));
const one = (...turns: readonly Turn[]): Exchange => {
  const [x, more] = found(...turns);
  assert.ok(x !== undefined && more === undefined);
  return x;
};
const http = (status: number, request = REQUEST): Exchange =>
  one(ask(0, headers(request)), answer(0, headers([[':status', String(status)]])));

const errors = (x: Exchange): [string, string] => [
  x.protocol.semantics.errorType(x, CLIENT),
  x.protocol.semantics.errorType(x, SERVER),
];

describe('HTTP/2', () => {
  test('a request, seen from both ends', () => {
    const x = http(200);
    assert.equal(x.protocol.name, 'http2');
    assert.deepEqual(attributes(x, CLIENT), {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'network.protocol.version': '2',
      'server.address': 'shop.example',
      'server.port': 8443,
      'url.full': 'http://shop.example:8443/cart/7?item=9&token=REDACTED',
      'user_agent.original': 'curl/8',
      'spantap.http2.stream': 1,
    });
    assert.deepEqual(attributes(x, SERVER), {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'network.protocol.version': '2',
      'server.address': 'shop.example',
      'server.port': 8443,
      'url.scheme': 'http',
      'url.path': '/cart/7',
      'url.query': 'item=9&token=REDACTED',
      'user_agent.original': 'curl/8',
      'spantap.http2.stream': 1,
    });
    assert.equal(x.protocol.semantics.operation(x, true), 'GET /cart/7?item=9&token=s3cret-1');
    assert.equal(x.protocol.semantics.operation(x, false), 'GET /cart/7?item=9&token=REDACTED');
  });

  test('a GraphQL operation, as far as the first frame of the body shows it', () => {
    const asked = (path: string, ...frames: Buffer[]): Record<string, unknown> => {
      const request: FieldList = [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', path],
        [':authority', 'shop.example'],
      ];
      const x = one(
        ask(0, Buffer.concat([headers(request, END_HEADERS), ...frames])),
        answer(0, headers([[':status', '200']])),
      );
      const is = Object.entries(attributes(x)).filter(([key]) => key.startsWith('graphql'));
      return Object.fromEntries(is.map(([key, value]) => [key.slice('graphql.operation.'.length), value]));
    };
    const body = JSON.stringify({ query: 'mutation Pay { pay }', variables: { card: '4111' } });
    const pay = { type: 'mutation', name: 'Pay' };
    assert.deepEqual(asked('/graphql', frame(DATA, END_STREAM, 1, body)), pay);
    assert.deepEqual(asked('/api/graphql?v=2', frame(DATA, END_STREAM, 1, body.padEnd(9000))), pay);
    // padded, behind an empty frame, and the rest in another one
    const padded = Buffer.concat([Buffer.of(5), Buffer.from(body.slice(0, 40)), Buffer.alloc(5)]);
    const pieces = [frame(DATA, 0, 1), frame(DATA, PADDED, 1, padded), frame(DATA, END_STREAM, 1, body.slice(40))];
    assert.deepEqual(asked('/graphql', ...pieces), pay);
    assert.deepEqual(asked('/orders', frame(DATA, END_STREAM, 1, body)), {});
    assert.deepEqual(asked('/graphql', frame(DATA, END_STREAM, 1)), {});
    assert.deepEqual(asked('/graphql', frame(DATA, END_STREAM, 1, '{"query":"')), {});
  });

  test('behind a proxy that ends TLS, the scheme is the one that the client used', () => {
    const x = http(200, [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
      [':authority', 'shop.example'],
      ['x-forwarded-for', '192.0.2.7, 10.0.0.1'],
    ]);
    assert.equal(attributes(x, SERVER)['url.scheme'], 'https');
    assert.equal(attributes(x, SERVER)['client.address'], '192.0.2.7');
  });

  test('another protocol at a path (RFC 8441)', () => {
    const x = http(200, [
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'http'],
      [':path', '/chat'],
      [':authority', 'shop.example'],
    ]);
    assert.equal(x.protocol.semantics.operation(x, true), 'CONNECT /chat');
    assert.equal(attributes(x, SERVER)['url.path'], '/chat');
  });

  test('errors by status', () => {
    assert.deepEqual(errors(http(200)), ['', '']);
    assert.deepEqual(errors(http(404)), ['404', '']);
    assert.deepEqual(errors(http(500)), ['500', '500']);
  });

  test('errors by the code with which the stream was broken off', () => {
    const table: [0 | 1, number, string, string][] = [
      [FROM_SERVER, 7, 'REFUSED_STREAM', 'REFUSED_STREAM'],
      [FROM_SERVER, 2, 'INTERNAL_ERROR', 'INTERNAL_ERROR'],
      [FROM_SERVER, 8, 'CANCEL', 'CANCEL'],
      [FROM_SERVER, 0xffff, '_OTHER', '_OTHER'],
      [FROM_CLIENT, 8, '', 'CANCEL'],
      [FROM_CLIENT, 0, '', 'NO_ERROR'],
      [FROM_CLIENT, 3, 'FLOW_CONTROL_ERROR', 'FLOW_CONTROL_ERROR'],
    ];
    for (const [side, code, client, server] of table) {
      const x = one(ask(0, headers(REQUEST)), mumble(side, frame(RST_STREAM, 0, 1, u32(code))));
      assert.equal(x.outcome, RESET);
      assert.deepEqual(errors(x), [client, server], `code ${code}`);
      assert.equal(x.protocol.semantics.status(x), null);
    }
    for (const [code, name] of [
      [0, 'goaway'],
      [11, 'ENHANCE_YOUR_CALM'],
    ] as const) {
      const x = one(ask(0, headers(REQUEST)), mumble(FROM_SERVER, frame(GOAWAY, 0, 0, u32(0, code))));
      assert.deepEqual(errors(x), [name, name]);
    }
  });

  test('what differs in a dimension or an error has another key', () => {
    const keys = new Map<number, string>();
    for (const status of [0, 200, 404, 500]) {
      for (const reason of [-16, -9, -1, 0, 1, 8, 16]) {
        for (const outcome of [COMPLETE, RESET, OPEN]) {
          const x = http(200);
          Object.assign(x, { status, reason, outcome });
          const key = x.protocol.semantics.seriesKey(x);
          const all = JSON.stringify([dimensions(x, CLIENT), dimensions(x, SERVER), errors(x), outcome]);
          assert.equal(keys.get(key) ?? all, all);
          assert.ok(Number.isSafeInteger(key));
          keys.set(key, all);
        }
      }
    }
  });

  test('what refers to something that was lost is unknown, and is no attribute', () => {
    const c = new Encoder(true);
    const s = new Encoder(true);
    const block = (stream: number, fields: FieldList, e: Encoder): Buffer =>
      frame(HEADERS, BOTH, stream, e.block(fields));
    const fields: FieldList = [
      [':method', 'PURGE'],
      [':scheme', 'http'],
      [':path', '/cart/7'],
      [':authority', 'shop.example:8443'],
    ];
    const first = [ask(0, block(1, fields, c)), answer(0, block(1, [[':status', '403']], s))];
    const second = [ask(1, block(3, fields, c)), answer(1, block(3, [[':status', '403']], s))];
    const all = frames({ name: 'two', turns: [...first, ...second], expected: [] }, link({ serverPort: 8080 }));
    const x = new Rig().feed(all.slice(7)).end().found[0]!.record;
    const { semantics } = x.protocol;
    assert.equal(semantics.operation(x, true), 'UNKNOWN UNKNOWN');
    assert.equal(semantics.operation(x, false), 'UNKNOWN UNKNOWN');
    assert.equal(semantics.status(x), 'unknown');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'HTTP');
    assert.deepEqual(errors(x), ['', '']);
    assert.deepEqual(attributes(x, CLIENT), {
      'http.request.method': '_OTHER',
      'network.protocol.version': '2',
      'server.address': '10.0.0.2',
      'server.port': 8080,
      'spantap.http2.stream': 3,
      'spantap.http2.unknown_fields': 4,
    });
    assert.equal(attributes(x, SERVER)['url.path'], undefined);
  });

  test('nothing of Authorization, Cookie, userinfo or credential parameters is in any record, attribute or name', () => {
    const x = one(
      ask(
        0,
        headers([
          [':method', 'GET'],
          [':scheme', 'http'],
          [':path', '/login?password=s3cret-1'],
          [':authority', 'u:s3cret-2@shop.example'],
          ['authorization', 'Bearer s3cret-3'],
          ['cookie', 'session=s3cret-4'],
          ['x-api-key', 's3cret-5'],
        ]),
      ),
      answer(
        0,
        headers([
          [':status', '401'],
          ['set-cookie', 's3cret-6'],
        ]),
      ),
    );
    const told = ([CLIENT, SERVER] as const).map((side) => [attributes(x, side), dimensions(x, side), errors(x)]);
    assert.ok(!JSON.stringify(told).includes('s3cret'), JSON.stringify(told));
    assert.ok(!x.protocol.semantics.operation(x, false).includes('s3cret'));
    assert.ok(!/s3cret-[3456]/.test(JSON.stringify(x.detail)));
  });
});

describe('gRPC', () => {
  const call = (...trailers: FieldList): Exchange =>
    one(
      ask(0, headers(CALL, END_HEADERS), frame(DATA, END_STREAM, 1, message('which'))),
      answer(
        0,
        headers(
          [
            [':status', '200'],
            ['content-type', 'application/grpc'],
          ],
          END_HEADERS,
        ),
        frame(DATA, 0, 1, message('a cart')),
        headers(trailers),
      ),
    );

  test('a call, seen from both ends', () => {
    const x = call(['grpc-status', '0']);
    assert.equal(x.protocol.name, 'grpc');
    const both = {
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Cart/Get',
      'rpc.status_code': 'OK',
      'server.address': 'shop.example',
      'server.port': 8080,
      'network.protocol.version': '2',
      'spantap.grpc.request.messages': 1,
      'spantap.grpc.request.message_bytes': 5,
      'spantap.grpc.response.messages': 1,
      'spantap.grpc.response.message_bytes': 6,
      'spantap.http2.stream': 1,
    };
    assert.deepEqual(attributes(x, CLIENT), both);
    assert.deepEqual(attributes(x, SERVER), both);
    assert.deepEqual(dimensions(x, SERVER), {
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Cart/Get',
      'rpc.status_code': 'OK',
    });
    assert.equal(x.protocol.semantics.spanName(x, CLIENT, ''), 'shop.Cart/Get');
    assert.equal(x.protocol.semantics.operation(x, true), 'POST /shop.Cart/Get');
    assert.equal(x.protocol.semantics.status(x), '0');
  });

  test('errors by status, on each side', () => {
    const blamed = [2, 4, 12, 13, 14, 15];
    for (let status = 0; status <= 17; status++) {
      const x = call(['grpc-status', String(status)]);
      const [client, server] = errors(x);
      assert.equal(client !== '', status !== 0);
      assert.equal(server, blamed.includes(status) || status === 17 ? client : '');
      assert.equal(x.failed, status !== 0);
      assert.equal(x.protocol.semantics.status(x), String(status));
    }
  });

  test('a status that cannot be read is unknown, never OK', () => {
    for (const text of ['', 'x', '-1', '0x0', '00000', '4294967296']) {
      const x = call(['grpc-status', text], ['x-filler', 'x']);
      if (text === '') {
        // it is not there for certain: the client's library says UNKNOWN
        assert.equal(attributes(x, CLIENT)['rpc.status_code'], 'UNKNOWN');
        continue;
      }
      assert.equal(attributes(x, CLIENT)['rpc.status_code'], undefined, text);
      assert.equal(x.protocol.semantics.status(x), 'unknown');
      assert.deepEqual(errors(x), ['', '']);
    }
  });

  test('without a status the one counts that the client derives from the HTTP status', () => {
    for (const [status, name] of [
      [200, 'UNKNOWN'],
      [401, 'UNAUTHENTICATED'],
      [404, 'UNIMPLEMENTED'],
      [502, 'UNAVAILABLE'],
    ] as const) {
      const x = one(ask(0, headers(CALL)), answer(0, headers([[':status', String(status)]])));
      assert.equal(attributes(x, CLIENT)['rpc.status_code'], name);
      assert.equal(attributes(x, CLIENT)['http.response.status_code'], status === 200 ? undefined : status);
    }
  });

  test('content types', () => {
    for (const [type, name, web] of [
      ['application/grpc', 'grpc', undefined],
      ['application/grpc+proto', 'grpc', undefined],
      ['application/grpc;charset=utf-8', 'grpc', undefined],
      ['application/grpc-web', 'grpc', true],
      ['application/grpc-web+proto', 'grpc', true],
      ['application/grpc-web-text', 'grpc', true],
      ['application/grpc-other', 'http2', undefined],
      ['application/json', 'http2', undefined],
    ] as const) {
      const request: FieldList = [...CALL.slice(0, 4), ['content-type', type]];
      const x = one(ask(0, headers(request)), answer(0, headers([[':status', '200']])));
      assert.equal(x.protocol.name, name, type);
      assert.equal(attributes(x, CLIENT)['spantap.grpc.web'], web, type);
    }
  });

  test('trace context travels in the metadata', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const context = (...more: FieldList): unknown => {
      const x = one(ask(0, headers([...CALL, ...more])), answer(0, headers([[':status', '200']])));
      return x.protocol.semantics.context(x);
    };
    const c = context(['traceparent', traceparent], ['tracestate', 'a=1'], ['tracestate', 'b=2']) as Record<
      string,
      string
    >;
    assert.equal(c.traceparent, traceparent);
    assert.equal(c.tracestate, 'a=1,b=2');
    assert.equal(context(), null);
    assert.equal(
      (context(['x-b3-traceid', '80f198ee56343ba8'], ['x-b3-spanid', 'e457b5a2e4d86bd1']) as Record<string, string>).b3,
      '80f198ee56343ba8-e457b5a2e4d86bd1',
    );
    assert.equal(context(['traceparent', traceparent], ['traceparent', traceparent]), null);
  });
});
