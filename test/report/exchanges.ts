/** Exchanges made by hand, of a protocol that has just enough meaning to be reported. */
import { COMPLETE, Ends, Exchange, failureOf, IN_FLIGHT, type Spoken } from '../../src/exchange/exchange.ts';
import type { Semantics } from '../../src/exchange/semantics.ts';

const semantics: Semantics = {
  spans: 'pair',
  connectionType: '',
  clientDuration: null,
  serverDuration: null,
  operation: (x, raw) => `${x.operation} ${raw ? x.target : x.target.replace(/secret=\w+/, 'secret=?')}`,
  status: (x) => (x.status === 0 ? null : String(x.status)),
  path: (x) => x.target.split('?')[0]!,
  spanName: (x) => x.operation,
  errorType: (x) => failureOf(x) || (x.failed ? String(x.status) : ''),
  attributes: (x, _side, _route, put) => {
    put.string('method', x.operation);
    put.int('status', x.status);
    put.double('ratio', 0.5);
    put.boolean('good', !x.failed);
    put.strings('list', ['a', '"b"']);
  },
  seriesKey: () => 0,
  dimensions: () => {},
  context: () => null,
};

export const ASK: Spoken = { name: 'ask', semantics };

/** Ends of 10.0.0.`client` asking 10.0.0.`server`:80. */
export function ends(client: number, server: number): Ends {
  const e = new Ends();
  e.client3 = 0x0a000000 + client;
  e.clientPort = 40_000;
  e.server3 = 0x0a000000 + server;
  e.serverPort = 80;
  return e;
}

export interface Sketch {
  ends: Ends;
  target?: string;
  status?: number;
  startNs?: number;
  durationNs?: number;
  outcome?: number;
}

export function exchange(s: Sketch): Exchange {
  const startNs = s.startNs ?? 0;
  const x = new Exchange(ASK, s.ends, -1, startNs);
  x.outcome = s.outcome ?? COMPLETE;
  x.operation = 'GET';
  x.target = s.target ?? '/';
  x.requestEndNs = startNs;
  x.requestBytes = 100;
  x.id0 = 1;
  x.id1 = 2;
  x.id2 = 3;
  x.id3 = 4;
  if (x.outcome === COMPLETE) {
    x.status = s.status ?? 200;
    x.failed = x.status >= 400;
    x.firstByteNs = startNs + (s.durationNs ?? 1000) / 2;
    x.responseBytes = 900;
  }
  if (x.outcome !== IN_FLIGHT) x.endNs = startNs + (s.durationNs ?? 1000);
  return x;
}
