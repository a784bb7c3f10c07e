import { type Exchange, failureOf } from '../../exchange/exchange.ts';
import { CLIENT, type Semantics, type Side } from '../../exchange/semantics.ts';
import { CLOSED_WITH } from './decoder.ts';
import type { WebSocketDetail } from './exchange-detail.ts';
import { TEXT } from './frame.ts';

/** 0: the session was not closed by close frames. */
const closeCode = (x: Exchange): number => Math.max(0, x.status - CLOSED_WITH);

function errorType(x: Exchange): string {
  return x.failed ? String(closeCode(x)) : failureOf(x);
}

/** A WebSocket session. There is no convention for it: names of our own, and no duration among those of requests. */
export const websocketSemantics: Semantics = {
  spans: 'pair',
  // it is counted with the request that opened it
  connectionType: null,
  clientDuration: null,
  serverDuration: null,

  operation: () => 'session',

  status: (x) => {
    const code = closeCode(x);
    return code === 0 ? null : String(code);
  },

  path: () => '',

  spanName: () => 'WebSocket session',

  errorType,

  attributes: (x, side: Side, _route, put) => {
    put.string('network.protocol.name', 'websocket');
    put.string('server.address', x.ends.serverAddress);
    put.int('server.port', x.ends.serverPort);
    if (closeCode(x) > 0) put.int('spantap.websocket.close_code', closeCode(x));
    const d = x.detail as WebSocketDetail | null;
    if (d === null) return;
    const client = side === CLIENT;
    put.int('spantap.websocket.messages.sent', client ? d.sent : d.received);
    put.int('spantap.websocket.messages.received', client ? d.received : d.sent);
    put.int('spantap.websocket.bytes.sent', client ? d.sentBytes : d.receivedBytes);
    put.int('spantap.websocket.bytes.received', client ? d.receivedBytes : d.sentBytes);
    if (d.incomplete) put.boolean('spantap.websocket.incomplete', true);
  },

  seriesKey: () => 0,

  dimensions: () => {},

  messages: {
    seriesKey: (_x, kind) => kind,
    dimensions: (_x, kind, put) => put.string('spantap.message.type', kind === TEXT ? 'text' : 'binary'),
  },

  context: () => null,
};
