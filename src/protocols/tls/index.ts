import { NO, type Protocol, TO_SERVER, UNSURE, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { TlsDecoder } from './decoder.ts';
import { CLIENT_HELLO, SERVER_HELLO } from './hello.ts';
import { HANDSHAKE, MAX_HEAD, RECORD_HEADER, recordLength } from './records.ts';
import { tlsSemantics } from './semantics.ts';

/** The record header and what every hello begins with: type (1), length (3), version (2). */
const ENOUGH = RECORD_HEADER + 6;

/** The type of hello that begins at `w.pos`; 0: none; -1: too few bytes to say. */
function helloAt(w: Window): number {
  const { buf, pos, end } = w;
  if (buf[pos] !== HANDSHAKE || (pos + 1 < end && buf[pos + 1] !== 3)) return 0;
  if (end - pos < ENOUGH) return -1;
  const first = recordLength(w, pos);
  if (first < 6) return piecesAt(w, first);
  const type = buf[pos + RECORD_HEADER]!;
  const length = buf.readUIntBE(pos + RECORD_HEADER + 1, 3);
  if (length < 38 || length > 0xffff || buf[pos + RECORD_HEADER + 4] !== 3) return 0;
  return type === CLIENT_HELLO || type === SERVER_HELLO ? type : 0;
}

/** A hello in pieces that are shorter than its own header, as some send it to be overlooked: another record of the handshake follows. */
function piecesAt(w: Window, first: number): number {
  const { buf, pos, end } = w;
  const type = buf[pos + RECORD_HEADER]!;
  if (first < 1 || (type !== CLIENT_HELLO && type !== SERVER_HELLO)) return 0;
  const next = pos + RECORD_HEADER + first;
  if (next + RECORD_HEADER > end) return -1;
  return buf[next] === HANDSHAKE && recordLength(w, next) > 0 ? type : 0;
}

/** TLS without keys: RFC 5246, RFC 8446. */
export const tls: Protocol = {
  name: 'tls',
  transport: 'tcp',
  pairing: 'in_order',
  ports: [443, 8443, 853, 993, 995, 465, 636, 5671, 6380, 9093, 8883],
  maxHead: MAX_HEAD,
  probe(dir, w) {
    const type = helloAt(w);
    if (type === -1) return UNSURE;
    if (type === 0) return NO;
    return (type === CLIENT_HELLO) === (dir === TO_SERVER) ? YES : YES_REVERSED;
  },
  open: (exchanges) => new TlsDecoder(exchanges),
  semantics: tlsSemantics,
};
