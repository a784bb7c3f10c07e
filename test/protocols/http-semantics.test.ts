/** What HTTP exchanges mean: names, attributes, errors, and what must never leave the wire. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CLOSED, Ends, Exchange, LOST, OPEN, RESET, TIMEOUT, TRUNCATED } from '../../src/exchange/exchange.ts';
import type { HttpDetail } from '../../src/exchange/http/detail.ts';
import { redactTarget } from '../../src/exchange/http/redact.ts';
import { CLIENT, SERVER } from '../../src/exchange/semantics.ts';
import { http } from '../../src/protocols/http/index.ts';
import { BARE, FULL } from '../../src/protocols/protocol.ts';
import { attributes, dimensions } from '../kit/attributes.ts';
import { answer, ask, fin } from '../kit/conversation.ts';
import { Rig } from '../kit/run.ts';
import { frames, link } from '../kit/wire.ts';

const { semantics } = http;

/** The exchange that the pipeline makes of a request and a response. */
function exchange(
  request: string,
  response = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  serverPort = 8080,
): Exchange {
  const turns = [
    ask(0, Buffer.from(request, 'latin1')),
    answer(0, Buffer.from(response, 'latin1')),
    fin(CLIENT),
    fin(SERVER),
  ];
  const found = new Rig().feed(frames({ name: 'one', turns, expected: [] }, link({ serverPort }))).end().found;
  assert.equal(found.length, 1);
  return found[0]!.record;
}

function ended(status: number, outcome = 1): Exchange {
  const x = new Exchange(http, new Ends(), -1, 0);
  x.operation = 'GET';
  x.target = '/';
  x.version = 11;
  x.status = status;
  x.outcome = outcome;
  return x;
}

describe('attributes', () => {
  const x = exchange('GET /cart/7?item=9&sort=up HTTP/1.1\r\nHost: shop.example:8443\r\nUser-Agent: curl/8\r\n\r\n');

  test('of the client', () => {
    assert.deepEqual(attributes(x, CLIENT, '/cart/{id}'), {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'network.protocol.version': '1.1',
      'server.address': 'shop.example',
      'server.port': 8443,
      'url.full': 'http://shop.example:8443/cart/7?item=9&sort=up',
      'url.template': '/cart/{id}',
      'user_agent.original': 'curl/8',
    });
  });

  test('of the server', () => {
    assert.deepEqual(attributes(x, SERVER, '/cart/{id}'), {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'network.protocol.version': '1.1',
      'server.address': 'shop.example',
      'server.port': 8443,
      'url.scheme': 'http',
      'url.path': '/cart/7',
      'url.query': 'item=9&sort=up',
      'http.route': '/cart/{id}',
      'user_agent.original': 'curl/8',
    });
  });

  test('without Host the address of the server stands in', () => {
    const bare = attributes(exchange('GET / HTTP/1.0\r\n\r\n'), CLIENT);
    assert.equal(bare['server.address'], '10.0.0.2');
    assert.equal(bare['server.port'], 8080);
    assert.equal(bare['url.full'], 'http://10.0.0.2:8080/');
    assert.equal(bare['network.protocol.version'], '1.0');
  });

  test('an IPv6 literal as Host', () => {
    const six = attributes(exchange('GET /x HTTP/1.1\r\nHost: [2001:db8::7]:81\r\n\r\n'), CLIENT);
    assert.deepEqual([six['server.address'], six['server.port']], ['2001:db8::7', 81]);
    assert.equal(six['url.full'], 'http://[2001:db8::7]:81/x');
  });

  test('absolute form', () => {
    const a = exchange('GET https://other.example/p?q=1 HTTP/1.1\r\nHost: proxy\r\n\r\n');
    assert.equal(attributes(a, CLIENT)['url.full'], 'https://other.example/p?q=1');
    assert.equal(attributes(a, SERVER)['url.scheme'], 'https');
    assert.equal(attributes(a, SERVER)['url.path'], '/p');
    assert.equal(semantics.path(a), '/p');
  });

  test('asked through a proxy, the server is the one that the target names, its port included', () => {
    for (const [target, address, port, url] of [
      ['http://a.example/p', 'a.example', 80, 'http://a.example/p'],
      ['HTTP://a.example', 'a.example', 80, 'http://a.example/'],
      ['http://a.example:8081/p', 'a.example', 8081, 'http://a.example:8081/p'],
      ['http://a.example:80/p', 'a.example', 80, 'http://a.example/p'],
      ['https://[2001:db8::7]/p', '2001:db8::7', 443, 'https://[2001:db8::7]/p'],
      ['ws://u:s3cret@a.example/chat', 'a.example', 80, 'ws://a.example/chat'],
      ['ftp://a.example/pub', 'a.example', 21, 'ftp://a.example/pub'],
      ['gopher://a.example/x', 'a.example', undefined, 'gopher://a.example/x'],
    ] as const) {
      const x = exchange(`GET ${target} HTTP/1.1\r\nHost: elsewhere:99\r\n\r\n`, undefined, 3128);
      const of = attributes(x, CLIENT);
      assert.deepEqual([of['server.address'], of['server.port'], of['url.full']], [address, port, url]);
      assert.equal(attributes(x, SERVER)['server.port'], port);
    }
    // who asked the proxy in front of this one is said by that
    const x = exchange('GET http://in.example/ HTTP/1.1\r\nHost: in.example\r\nX-Forwarded-Host: out.example\r\n\r\n');
    assert.deepEqual(
      [attributes(x, SERVER)['server.address'], attributes(x, SERVER)['server.port']],
      ['out.example', 8080],
    );
  });

  test('CONNECT', () => {
    const c = exchange(
      'CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n',
      'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n',
    );
    assert.equal(attributes(c, CLIENT)['server.address'], 'shop.example');
    assert.equal(attributes(c, CLIENT)['server.port'], 443);
    assert.equal(attributes(c, CLIENT)['url.full'], 'shop.example:443');
    const o = exchange('OPTIONS * HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n');
    assert.equal(attributes(o, CLIENT)['url.full'], 'http://shop.example:8080');
    assert.equal(semantics.path(c), 'shop.example:443');
    const none = attributes(exchange('CONNECT shop.example HTTP/1.1\r\n\r\n', 'HTTP/1.1 400 No\r\n\r\n', 3128), CLIENT);
    assert.deepEqual(
      [none['server.address'], none['server.port'], none['url.full']],
      ['shop.example', undefined, 'shop.example'],
    );
  });

  test('a GraphQL operation, in parameters and in the first chunk of a body', () => {
    const asked = (request: string): unknown[] => {
      const of = attributes(exchange(request), CLIENT);
      return [of['graphql.operation.type'], of['graphql.operation.name'], of['url.full']];
    };
    assert.deepEqual(asked('GET /graphql?query=query%20Cart{c}&token=s3cret HTTP/1.1\r\nHost: a\r\n\r\n'), [
      'query',
      'Cart',
      'http://a:8080/graphql?query=query%20Cart{c}&token=REDACTED',
    ]);
    const body = '{"query":"mutation Pay { pay }","variables":{"card":"4111"}}';
    const url = 'http://a:8080/graphql';
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    const chunked = (path: string, ...chunks: string[]): string =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.map(chunk).join('')}0\r\n\r\n`;
    assert.deepEqual(asked(chunked('/graphql', body)), ['mutation', 'Pay', url]);
    assert.deepEqual(asked(chunked('/graphql', body.padEnd(20000), body)), ['mutation', 'Pay', url]);
    assert.deepEqual(asked(chunked('/graphql', body.slice(0, 40), body.slice(40))), ['mutation', 'Pay', url]);
    assert.deepEqual(asked(chunked('/graphql', '{', body.slice(1))), [undefined, undefined, url]);
    assert.deepEqual(asked(chunked('/graphql')), [undefined, undefined, url]);
    assert.deepEqual(asked(chunked('/other', body)), [undefined, undefined, 'http://a:8080/other']);
  });

  test('behind a proxy the server is told who asked for what', () => {
    const forwarded = attributes(
      exchange(
        'GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Proto: https\r\n\r\n',
      ),
      SERVER,
    );
    assert.equal(forwarded['client.address'], '1.2.3.4');
    assert.equal(forwarded['server.address'], 'shop.example');
    assert.equal(forwarded['url.scheme'], 'https');
    const rfc7239 = attributes(
      exchange(
        'GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for="[2001:db8::1]:4711";proto=https;host=a.example, for=9.9.9.9\r\n\r\n',
      ),
      SERVER,
    );
    assert.equal(rfc7239['client.address'], '2001:db8::1');
    assert.equal(rfc7239['server.address'], 'a.example');
  });

  test('a method that nobody knows', () => {
    const odd = exchange('BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal(attributes(odd, CLIENT)['http.request.method'], '_OTHER');
    assert.equal(attributes(odd, CLIENT)['http.request.method_original'], 'BREW');
    assert.equal(semantics.spanName(odd, CLIENT, '/pot'), 'HTTP /pot');
    assert.equal(dimensions(odd, CLIENT)['http.request.method'], '_OTHER');
  });
});

describe('gRPC-Web', () => {
  const message = (text: string, flags = 0): string =>
    Buffer.concat([Buffer.of(flags, 0, 0, 0, text.length), Buffer.from(text, 'latin1')]).toString('latin1');
  const call = (response: string, type = 'application/grpc-web+proto', more = ''): Exchange => {
    const body = type.includes('text') ? btoa(message('which')) : message('which');
    return exchange(
      `POST /shop.Cart/Get HTTP/1.1\r\nHost: shop.example\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`,
      response,
    );
  };
  const reply = (status: number, body: string, more = ''): string =>
    `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
  const WEB = 'Content-Type: application/grpc-web\r\n';
  const TEXT = 'Content-Type: application/grpc-web-text+proto\r\n';
  const trailers = (status: string): string => message(`grpc-status:${status}\r\ngrpc-message:x\r\n`, 0x80);

  const packed = (status: string): string => gzipSync(`grpc-status: ${status}\r\n`).toString('latin1');

  test('is a call like any other', () => {
    const x = call(
      reply(200, `${message('one')}${message('')}${trailers('5')}`, WEB),
      undefined,
      'grpc-timeout: 2S\r\n',
    );
    assert.equal(x.protocol.name, 'grpc');
    assert.deepEqual(attributes(x, CLIENT), {
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Cart/Get',
      'rpc.status_code': 'NOT_FOUND',
      'server.address': 'shop.example',
      'server.port': 8080,
      'network.protocol.version': '1.1',
      'spantap.grpc.web': true,
      'spantap.grpc.timeout': 2,
      'spantap.grpc.request.messages': 1,
      'spantap.grpc.request.message_bytes': 5,
      'spantap.grpc.response.messages': 2,
      'spantap.grpc.response.message_bytes': 3,
    });
    const s = x.protocol.semantics;
    assert.deepEqual([s.status(x), s.errorType(x, CLIENT), s.errorType(x, SERVER)], ['5', 'NOT_FOUND', '']);
    assert.equal(s.spanName(x, CLIENT, ''), 'shop.Cart/Get');
  });

  test('its status, wherever it stands', () => {
    const text = btoa(message('one')) + btoa(trailers('7'));
    for (const [response, status] of [
      [reply(200, trailers('0'), WEB), 'OK'],
      [reply(200, message('grpc-message:grpc-status:4\r\nGRPC-Status:  8 ', 0x80), WEB), 'RESOURCE_EXHAUSTED'],
      [reply(200, '', `${WEB}Grpc-Status: 12\r\n`), 'UNIMPLEMENTED'],
      [reply(200, text, TEXT), 'PERMISSION_DENIED'],
      [reply(200, message('one'), WEB), 'UNKNOWN'],
      [reply(503, 'sorry', 'Content-Type: text/html\r\n'), 'UNAVAILABLE'],
      [`HTTP/1.1 200 OK\r\n${WEB}Transfer-Encoding: chunked\r\n\r\n0\r\ngrpc-status: 15\r\n\r\n`, 'DATA_LOSS'],
      [reply(200, message(packed('13'), 0x81), WEB), 'INTERNAL'],
      // what cannot be read says nothing
      [reply(200, message('compressed', 0x81), WEB), undefined],
      [reply(200, btoa(message(packed('13'), 0x81)), TEXT), undefined],
      [reply(200, message(packed('13').slice(0, -9), 0x81), WEB), undefined],
      [reply(200, '<html>', WEB), undefined],
      [reply(200, '%%%%', TEXT), undefined],
      [reply(200, 'AA==AAAA', TEXT), 'UNKNOWN'],
    ] as const) {
      for (const type of ['application/grpc-web', 'application/grpc-web-text'])
        assert.equal(attributes(call(response, type), CLIENT)['rpc.status_code'], status, response);
    }
  });

  test('other content types are not', () => {
    for (const type of ['application/grpc', 'application/grpc-webby', 'application/json'])
      assert.equal(call(reply(200, ''), type).protocol.name, 'http', type);
  });

  test('messages are told as they pass, and their method is known where only metrics are wanted', () => {
    const turns = [
      ask(0, `POST /shop.Cart/Get HTTP/1.1\r\n${TEXT}Content-Length: 16\r\n\r\n${btoa(message('which'))}`),
      answer(0, Buffer.from(reply(200, `${message('one')}${message('three')}${trailers('0')}`, WEB), 'latin1')),
    ];
    for (const detail of [BARE, FULL] as const) {
      const rig = new Rig(undefined, undefined, detail)
        .feed(frames({ name: 'one', turns, expected: [] }, link({ serverPort: 80 })))
        .end();
      assert.deepEqual(
        rig.passed.map((p) => [p.protocol, p.toServer, p.bytes]),
        [
          ['grpc', true, 5],
          ['grpc', false, 3],
          ['grpc', false, 5],
        ],
      );
      assert.equal(dimensions(rig.found[0]!.record, SERVER)['rpc.method'], 'shop.Cart/Get');
      assert.equal(dimensions(rig.found[0]!.record, SERVER)['rpc.status_code'], 'OK');
    }
  });
});

describe('names', () => {
  test('span names are method and route, never the path', () => {
    const x = exchange('GET /cart/7?item=9 HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal(semantics.spanName(x, SERVER, '/cart/{id}'), 'GET /cart/{id}');
    assert.equal(semantics.spanName(x, CLIENT, ''), 'GET');
    assert.equal(semantics.path(x), '/cart/7');
    assert.equal(semantics.operation(x, false), 'GET /cart/7?item=9');
    assert.equal(semantics.status(x), '200');
  });
});

describe('errors', () => {
  const table: [number, number, string, string][] = [
    [200, 1, '', ''],
    [302, 1, '', ''],
    [404, 1, '404', ''],
    [499, 1, '499', ''],
    [500, 1, '500', '500'],
    [503, 1, '503', '503'],
    [0, TIMEOUT, 'timeout', 'timeout'],
    [200, TIMEOUT, 'timeout', 'timeout'],
    [0, RESET, 'connection_reset', 'connection_reset'],
    [0, CLOSED, 'connection_closed', 'connection_closed'],
    [0, OPEN, '', ''],
    [0, LOST, '', ''],
    [500, TRUNCATED, '500', '500'],
  ];
  for (const [status, outcome, client, server] of table) {
    test(`status ${status}, outcome ${outcome}`, () => {
      const x = ended(status, outcome);
      assert.deepEqual([semantics.errorType(x, CLIENT), semantics.errorType(x, SERVER)], [client, server]);
      assert.equal(semantics.status(x), status === 0 ? null : String(status));
    });
  }
});

describe('series', () => {
  test('what differs in a dimension has another key, what does not has the same', () => {
    const keys = new Map<number, string>();
    for (const operation of ['GET', 'POST', 'BREW']) {
      for (const status of [0, 100, 200, 404, 500, 999]) {
        for (const outcome of [1, 2, 3, 4, 5, 6, 7]) {
          for (const version of [9, 10, 11]) {
            const x = ended(status, outcome);
            x.operation = operation;
            x.version = version;
            const key = semantics.seriesKey(x);
            const all = JSON.stringify([dimensions(x, CLIENT), dimensions(x, SERVER), outcome]);
            assert.equal(keys.get(key) ?? all, all);
            keys.set(key, all);
            x.target = '/something/else';
            assert.equal(semantics.seriesKey(x), key);
          }
        }
      }
    }
    assert.equal(keys.size, 3 * 6 * 7 * 3);
  });
});

describe('trace context', () => {
  const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const context = (headers: string): HttpDetail | null =>
    semantics.context(exchange(`GET / HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)) as HttpDetail | null;

  test('is taken as it stands', () => {
    const c = context(`TraceParent: ${TRACEPARENT}\r\ntracestate: a=1\r\nTraceState: b=2\r\n`)!;
    assert.equal(c.traceparent, TRACEPARENT);
    assert.equal(c.tracestate, 'a=1,b=2');
  });

  test('two of them are worthless', () => {
    assert.equal(context(`traceparent: ${TRACEPARENT}\r\ntraceparent: ${TRACEPARENT}\r\n`), null);
  });

  test('none', () => {
    assert.equal(context('Accept: */*\r\n'), null);
  });

  test('b3, in one header and in several', () => {
    assert.equal(context('b3: 80f198ee56343ba8-e457b5a2e4d86bd1-1\r\n')!.b3, '80f198ee56343ba8-e457b5a2e4d86bd1-1');
    const several = 'X-B3-TraceId: 80f198ee56343ba8\r\nX-B3-SpanId: e457b5a2e4d86bd1\r\nX-B3-Sampled: 0\r\n';
    assert.equal(context(several)!.b3, '80f198ee56343ba8-e457b5a2e4d86bd1-0');
  });

  test('Jaeger and SkyWalking', () => {
    assert.equal(context('uber-trace-id: 1:2:0:1\r\n')!.uberTraceId, '1:2:0:1');
    assert.equal(context('sw8: 1-a-b-3-c-d-e-f\r\n')!.sw8, '1-a-b-3-c-d-e-f');
  });
});

describe('secrets', () => {
  const table: [string, string][] = [
    ['/a?b=c', '/a?b=c'],
    ['/a?token=s3cret', '/a?token=REDACTED'],
    ['/a?x=1&Access_Token=s3cret&y=2', '/a?x=1&Access_Token=REDACTED&y=2'],
    ['/a?X-Amz-Signature=s3cret&X-Amz-Credential=s3cret', '/a?X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED'],
    ['/a?pass%77ord=s3cret', '/a?pass%77ord=REDACTED'],
    ['/a?pass%57ord=s3cret', '/a?pass%57ord=REDACTED'],
    ['/a?%ZZ=1&sig=s3cret=s3cret', '/a?%ZZ=1&sig=REDACTED'],
    ['/a?token', '/a?token'],
    ['/a?tokens=7', '/a?tokens=7'],
    ['http://user:s3cret@host/p?q=1', 'http://REDACTED:REDACTED@host/p?q=1'],
    ['http://s3cret@host', 'http://REDACTED:REDACTED@host'],
    ['http://a:s3cret@b@host/', 'http://REDACTED:REDACTED@host/'],
    ['user:s3cret@host:443', 'REDACTED:REDACTED@host:443'],
    ['/users/me@example.org', '/users/me@example.org'],
    ['*', '*'],
  ];
  for (const [target, redacted] of table) test(target, () => assert.equal(redactTarget(target), redacted));

  test('nothing of Authorization, Cookie, userinfo or credential parameters is in any record, attribute or name', () => {
    const headers = [
      'Authorization: Bearer s3cret-1',
      'Proxy-Authorization: Basic s3cret-2',
      'Cookie: session=s3cret-3',
      'X-Api-Key: s3cret-4',
      'Set-Cookie: s3cret-5',
    ].join('\r\n');
    for (const [method, target] of [
      ['GET', '/login?password=s3cret-6'],
      ['GET', 'http://u:s3cret-7@host/?key=s3cret-8'],
      ['CONNECT', 'u:s3cret-9@host:443'],
    ] as const) {
      const x = exchange(
        `${method} ${target} HTTP/1.1\r\nHost: u:s3cret-10@host\r\n${headers}\r\n\r\n`,
        'HTTP/1.1 401 No\r\nSet-Cookie: s3cret-11\r\nWWW-Authenticate: s3cret-12\r\nContent-Length: 0\r\n\r\n',
      );
      const told = ([CLIENT, SERVER] as const).map((side) => [
        attributes(x, side, '/r'),
        dimensions(x, side, '/r'),
        semantics.spanName(x, side, '/r'),
        semantics.errorType(x, side),
        semantics.path(x),
        semantics.operation(x, false),
        semantics.context(x),
      ]);
      const text = JSON.stringify(told);
      assert.ok(
        !text.includes('s3cret'),
        text.slice(Math.max(0, text.indexOf('s3cret') - 200), text.indexOf('s3cret') + 20),
      );
      // The record itself keeps the target as it stood on the wire, and no header but those that have a name in it.
      const { host, ...detail } = x.detail as HttpDetail;
      assert.equal(host, 'u:s3cret-10@host');
      assert.ok(!JSON.stringify(detail).includes('s3cret'));
    }
  });
});
