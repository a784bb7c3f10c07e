/** The agent beside answers that take long because they were asked to: server-sent events, a long poll, a watch. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute, CLIENT, type Point, type Span } from './otlp.ts';
import { lacking } from './program.ts';
import { durationMs, ownAddress, Tap } from './tap.ts';

const LONG_MS = 1500;

/** What is asked, and how the time that it takes is to be counted. */
const KINDS = {
  events: { path: '/events', counts: 'first byte' },
  watch: { path: '/api/v1/pods?watch=true', counts: 'first byte' },
  poll: { path: '/socket.io/?EIO=4&transport=polling&sid=abc', counts: 'not at all' },
  slow: { path: '/report', counts: 'all of it' },
} as const;

async function serve(path: string, res: ServerResponse): Promise<void> {
  if (path === KINDS.events.path) res.writeHead(200, { 'content-type': 'text/event-stream' });
  else res.writeHead(200, { 'content-type': 'application/json' });
  if (path !== KINDS.poll.path) res.write('{"first":1}\n');
  await sleep(LONG_MS);
  res.end('{"last":1}\n');
}

describe('beside answers that take long on purpose', { skip: lacking() }, () => {
  const tap = new Tap();
  let server: Server;
  const addresses = {} as Record<keyof typeof KINDS, string>;

  before(async () => {
    server = createServer((req, res) => void serve(req.url!, res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await tap.open(`tcp port ${port}`);
    const ask = async (kind: keyof typeof KINDS): Promise<void> => {
      const localAddress = ownAddress();
      addresses[kind] = localAddress;
      const request = get({ host: '127.0.0.1', port, localAddress, path: KINDS[kind].path, agent: false });
      const [res] = await once(request, 'response');
      for await (const _ of res);
    };
    await Promise.all((Object.keys(KINDS) as (keyof typeof KINDS)[]).map(ask));
    await tap.close();
  });
  after(() => server?.close());

  for (const [kind, { counts }] of Object.entries(KINDS)) {
    test(`${kind}: what counts is ${counts}`, () => {
      const address = addresses[kind as keyof typeof KINDS];
      const [span, more] = tap.conversations.get(address)!.filter((s) => s.kind === CLIENT) as [Span, Span?];
      assert.equal(more, undefined);
      assert.equal(attribute(span, 'http.response.status_code') ?? 0, 200);
      assert.equal(attribute(span, 'error.type'), undefined);
      // the span itself lasts as long as the answer did
      const seconds = durationMs(span) / 1e3;
      assert.ok(seconds >= LONG_MS / 1e3 - 0.05, `${seconds} s`);
      assert.equal(attribute(span, 'spantap.waits') ?? false, counts === 'not at all');
      const points: Point[] = tap.points('http.client.request.duration', address);
      if (counts === 'not at all') {
        assert.equal(
          points.reduce((n, p) => n + Number(p.count), 0),
          0,
        );
        return;
      }
      assert.deepEqual(
        points.map((p) => Number(p.count)),
        [1],
      );
      const first = Number(attribute(span, 'spantap.time_to_first_byte'));
      assert.ok(first < seconds);
      const expected = counts === 'all of it' ? seconds : first;
      assert.ok(Math.abs(points[0]!.sum! - expected) < 1e-6, `${points[0]!.sum} s, and not ${expected}`);
    });
  }
});
