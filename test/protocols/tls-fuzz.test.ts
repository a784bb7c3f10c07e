import { tls } from '../../src/protocols/tls/index.ts';
import { fuzz } from '../kit/fuzz.ts';
import { alert, certificate, clientHello, conversations, inPieces, record, serverHello } from './tls-conversations.ts';

/** Parts of handshakes, and lengths that arithmetic dislikes. */
const WORDS = [
  ...[clientHello(), clientHello(''), serverHello(0x1301), certificate('491231235959Z'), certificate('x', 9000)].map(
    (m) => inPieces(m, 4000),
  ),
  alert(2, 40),
  alert(1, 0),
  record(20, Buffer.of(1)),
  record(23, Buffer.alloc(50)),
  Buffer.of(22, 3, 3),
  Buffer.of(22, 3, 3, 0x48, 0),
  Buffer.of(22, 3, 3, 0, 0),
  Buffer.of(1, 0xff, 0xff, 0xff),
  Buffer.of(11, 0, 0x7f, 0xff),
  Buffer.of(0x30, 0x82, 0xff, 0xff),
  Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff),
  Buffer.of(0, 0),
  Buffer.of(0xff, 0xff),
].map((b) => b.toString('latin1'));

fuzz(tls, conversations, WORDS);
