/** The agent beside a WebSocket server and clients: what each client sent and was sent is what its session's spans say. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { attribute, CLIENT, SERVER, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { durationMs, ownAddress, Tap } from './tap.ts';

/** The last message either way, but for closes. */
const LAST = 'that was all';
/** Lengths of 7 bits, of 16 and of 64 (RFC 6455 section 5.2). */
const SIZES = [0, 1, 125, 126, 1000, 65_535, 65_536, 70_000];
/** What the first client sends, and how many more each of the others does: no two records are the same. */
const MESSAGES = 300;
const MORE = 17;

const bytesOf = (data: RawData): Buffer => data as Buffer; // neither end asks for fragments or ArrayBuffers

/** Answers every message; a path `/1001` asks to be left with that code after the last one. */
function serve(server: WebSocketServer): void {
  server.on('connection', (socket, request) => {
    const code = Number(request.url!.slice(1));
    socket.send('welcome');
    socket.on('message', (data, binary) => {
      const bytes = bytesOf(data);
      if (!binary && bytes.toString() === LAST) {
        socket.send(LAST);
        if (code > 0) socket.close(code, 'so long');
      } else if (binary) {
        // two for one; a ping may stand between the fragments of a message (section 5.4)
        socket.send(bytes.subarray(0, bytes.length >> 1), { fin: false });
        socket.ping('still there?');
        socket.send(bytes.subarray(bytes.length >> 1), { fin: true });
        socket.send(Buffer.alloc(3));
      } else socket.send(`you said ${bytes}`);
    });
    socket.on('error', () => {});
  });
}

/** A client and its own record. */
class Client {
  readonly address = ownAddress();
  sent = 0;
  sentBytes = 0;
  received = 0;
  receivedBytes = 0;
  pings = 0;
  /** The code that its close event had. */
  code = 0;
  /** From its birth to that event. */
  ms = 0;
  readonly #startMs = performance.now();
  readonly #socket: WebSocket;
  readonly #closed = Promise.withResolvers<void>();
  readonly #last = Promise.withResolvers<void>();

  constructor(port: number, path: string) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { localAddress: this.address });
    this.#socket.on('error', this.#closed.reject);
    this.#socket.on('message', (data, binary) => {
      this.received++;
      this.receivedBytes += bytesOf(data).length;
      if (!binary && bytesOf(data).toString() === LAST) this.#last.resolve();
    });
    this.#socket.on('ping', () => {
      this.pings++;
    });
    this.#socket.on('close', (code) => {
      this.code = code;
      this.ms = performance.now() - this.#startMs;
      this.#closed.resolve();
    });
  }

  send(data: string | Buffer, fragments = 1): void {
    const bytes = Buffer.from(data);
    this.sent++;
    this.sentBytes += bytes.length;
    const size = Math.ceil(bytes.length / fragments);
    for (let n = 0; n < fragments; n++)
      this.#socket.send(bytes.subarray(n * size, (n + 1) * size), {
        fin: n === fragments - 1,
        binary: typeof data !== 'string',
      });
  }

  /** Sends so many messages, and leaves by `leave` unless the server does. */
  async talk(messages: number, leave: (socket: WebSocket) => void): Promise<void> {
    await new Promise((done) => this.#socket.once('open', done));
    for (let n = 1; n < messages; n++) {
      const size = SIZES[n % SIZES.length]!;
      if (n % 5 === 0) this.send(Buffer.alloc(n % 40 === 0 ? size : size % 2000, n), 1 + (n % 3));
      else this.send('x'.repeat(n % 7 === 0 ? size : n), n % 11 === 0 ? 4 : 1);
      if (n % 50 === 0) {
        this.#socket.ping(`ping ${n}`);
        await new Promise((done) => setImmediate(done));
      }
    }
    this.send(LAST);
    await this.#last.promise;
    leave(this.#socket);
    await this.#closed.promise;
  }
}

interface Leaving {
  readonly what: string;
  readonly path: string;
  leave(socket: WebSocket): void;
  /** As the client's close event has it (section 7.4); 1006: there was no close frame. */
  readonly code: number;
  readonly error?: string;
}

const LEAVINGS: readonly Leaving[] = [
  { what: 'the client closes', path: '/', leave: (s) => s.close(1000, 'done'), code: 1000 },
  { what: 'the client says no code', path: '/', leave: (s) => s.close(), code: 1005 },
  { what: 'the server goes away', path: '/1001', leave: () => {}, code: 1001 },
  { what: 'the server has failed', path: '/1011', leave: () => {}, code: 1011, error: '1011' },
  {
    what: 'the client is gone without a word',
    path: '/',
    leave: (s) => s.terminate(),
    code: 1006,
    error: 'connection_closed',
  },
];

describe('beside ws', { skip: lacking() }, () => {
  const tap = new Tap();
  let server: WebSocketServer;
  const clients: Client[] = [];

  before(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    serve(server);
    const { port } = server.address() as AddressInfo;
    await tap.open(`tcp port ${port}`);
    // all at once, and one more that talks alone
    const both = [...LEAVINGS, LEAVINGS[0]!].map(({ path, leave }, i) => async (): Promise<void> => {
      const c = new Client(port, path);
      clients[i] = c;
      await c.talk(MESSAGES + i * MORE, leave);
    });
    await Promise.all(both.slice(0, LEAVINGS.length).map((talk) => talk()));
    await both.at(-1)!();
    await tap.close();
  });
  after(() => server?.close());

  /** The session's span of that kind; it is the only one. */
  function sessionOf(c: Client, kind: number): Span {
    const traces = new Set(spansNamed(tap.conversations.get(c.address)!).map((s) => s.traceId));
    assert.equal(traces.size, 1);
    const spans = spansNamed([...tap.conversations.values()].flat()).filter(
      (s) => traces.has(s.traceId) && s.kind === kind,
    );
    assert.equal(spans.length, 1, `${spans.length} spans of kind ${kind}`);
    return spans[0]!;
  }
  const spansNamed = (spans: readonly Span[]): Span[] => spans.filter((s) => s.name === 'WebSocket session');

  [...LEAVINGS, { ...LEAVINGS[0]!, what: 'one client alone' }].forEach(({ what, code, error }, i) => {
    test(what, (t) => {
      const c = clients[i]!;
      assert.equal(c.code, code);
      assert.equal(c.sent, MESSAGES + i * MORE);
      assert.ok(c.received > c.sent && c.pings > 50);
      for (const kind of [CLIENT, SERVER]) {
        const span = sessionOf(c, kind);
        const [sent, received] = kind === CLIENT ? ['sent', 'received'] : ['received', 'sent'];
        const said = (name: string): unknown => attribute(span, `spantap.websocket.${name}`);
        assert.deepEqual(
          {
            sent: said(`messages.${sent}`),
            sentBytes: said(`bytes.${sent}`),
            received: said(`messages.${received}`),
            receivedBytes: said(`bytes.${received}`),
            code: said('close_code') ?? 1006,
            incomplete: said('incomplete'),
            error: attribute(span, 'error.type'),
          },
          {
            sent: c.sent,
            sentBytes: c.sentBytes,
            received: c.received,
            receivedBytes: c.receivedBytes,
            code,
            incomplete: undefined,
            error,
          },
        );
        assert.equal(span.status?.code ?? 0, error === undefined ? 0 : 2);
        assert.ok(durationMs(span) <= c.ms, `${durationMs(span)} ms of ${c.ms}`);
      }
      assert.equal(sessionOf(c, SERVER).parentSpanId, sessionOf(c, CLIENT).spanId);
      t.diagnostic(`${c.sent} messages to the server, ${c.received} back, ${c.sentBytes} and ${c.receivedBytes} bytes`);
    });
  });

  test('the metric counts every message and its bytes at both ends, by direction', () => {
    const points = tap.points('spantap.message.size');
    const told = { transmit: [0, 0], receive: [0, 0] } as Record<string, [number, number]>;
    for (const p of points) {
      assert.equal(attribute(p, 'network.protocol.name'), 'websocket');
      assert.match(String(attribute(p, 'spantap.message.type')), /^(text|binary)$/);
      const both = told[String(attribute(p, 'network.io.direction'))]!;
      both[0] += Number(p.count);
      both[1] += p.sum!;
    }
    const sum = (of: (c: Client) => number): number => clients.reduce((n, c) => n + of(c), 0);
    const all = [sum((c) => c.sent + c.received), sum((c) => c.sentBytes + c.receivedBytes)];
    assert.deepEqual(told, { transmit: all, receive: all }); // what one end sends the other receives
    assert.equal(points.length, 8 * clients.length); // two ends, two directions, text and binary
  });

  test('each was opened by one request', () => {
    for (const c of clients) {
      const opened = tap.conversations.get(c.address)!.filter((s) => s.name !== 'WebSocket session');
      assert.deepEqual(
        opened.map((s) => [s.kind, attribute(s, 'http.response.status_code')]),
        [[CLIENT, 101]],
      );
    }
    assert.deepEqual(tap.countsBy('http.client.request.duration', 'http.response.status_code'), {
      101: clients.length,
    });
  });
});
