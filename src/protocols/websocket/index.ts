import { NO, type Protocol } from '../protocol.ts';
import { WebSocketDecoder } from './decoder.ts';
import { MAX_FRAME_HEADER } from './frame.ts';
import { websocketSemantics } from './semantics.ts';

/** WebSocket (RFC 6455), where HTTP hands a connection over to it: two bytes of a frame say too little to be found by. */
export const websocket: Protocol = {
  name: 'websocket',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [],
  maxHead: MAX_FRAME_HEADER + 2,
  probe: () => NO,
  open: (exchanges) => new WebSocketDecoder(exchanges),
  semantics: websocketSemantics,
};
