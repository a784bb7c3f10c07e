import {
  type Decoder,
  type Dir,
  LOST,
  MORE,
  NO,
  type Protocol,
  type Semantics,
  STOP,
  type Step,
  TO_SERVER,
  UNSURE,
  type Window,
  YES,
  YES_REVERSED,
} from '../protocol.ts';

/** Version 1, section 2.1: a line of at most 107 bytes. */
const WORD = Buffer.from('PROXY ');
const FAMILIES = ['TCP4 ', 'TCP6 ', 'UNKNOWN'].map((family) => Buffer.from(family));
const MAX_LINE = 107;
/** Version 2, section 2.2: these bytes, version and command (1), family (1), length (2), and so many bytes. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const HEAD = 16;
/** Addresses, and what load balancers add to them (certificates, ids of endpoints). */
const MAX_HEADER = 4096;

const LF = 10;

const NONE = -1;
/** Length of the header at `w.pos`; NONE: there is none; 0: more bytes are needed, `w.want` of them. */
function headerAt(w: Window): number {
  if (begins(w, w.pos, SIGNATURE)) return binaryHeader(w);
  if (!begins(w, w.pos, WORD)) return NONE;
  w.want = w.end - w.pos + 1;
  if (w.end - w.pos <= WORD.length) return 0;
  if (!FAMILIES.some((family) => begins(w, w.pos + WORD.length, family))) return NONE;
  const eol = w.find(LF, w.pos);
  if (eol < 0) return w.end - w.pos < MAX_LINE ? 0 : NONE;
  return eol - w.pos < MAX_LINE ? eol + 1 - w.pos : NONE;
}

function binaryHeader(w: Window): number {
  w.want = HEAD;
  if (w.end - w.pos < HEAD) return 0;
  const command = w.buf[w.pos + 12]!;
  if (command !== 0x20 && command !== 0x21) return NONE;
  w.want = HEAD + w.view.getUint16(w.pos + 14);
  if (w.want > MAX_HEADER) return NONE;
  return w.end - w.pos < w.want ? 0 : w.want;
}

/** The bytes from `at` on are those, as far as they are there. */
function begins(w: Window, at: number, word: Buffer): boolean {
  const n = Math.min(word.length, w.end - at);
  return n > 0 && w.buf.compare(word, 0, n, at, at + n) === 0;
}

/** Passes over the header; what follows is another protocol's. */
class ProxyDecoder implements Decoder {
  readonly successor = '';

  decode(dir: Dir, w: Window): Step {
    const bytes = dir === TO_SERVER ? headerAt(w) : NONE;
    if (bytes === NONE) return LOST;
    if (bytes === 0) return MORE;
    w.pos += bytes;
    return STOP;
  }

  resync(_dir: Dir, w: Window): boolean {
    w.pos = w.end;
    return false;
  }

  gap(): void {}
  end(): void {}
}

const nothing = (): string => '';
/** No exchange is made of it. */
const semantics: Semantics = {
  spans: 'client',
  connectionType: null,
  clientDuration: null,
  serverDuration: null,
  operation: nothing,
  status: nothing,
  path: nothing,
  spanName: nothing,
  errorType: nothing,
  attributes: () => {},
  seriesKey: () => 0,
  dimensions: () => {},
  context: () => null,
};

/** The PROXY protocol, versions 1 and 2 (HAProxy): what proxies and load balancers say first of whom they speak for, whatever is spoken then. */
export const proxy: Protocol = {
  name: 'proxy',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [],
  maxHead: MAX_HEADER,
  probe(dir, w) {
    const bytes = headerAt(w);
    if (bytes === NONE) return NO;
    // version 1 is known by its family, version 2 by its signature
    const known = w.end - w.pos >= SIGNATURE.length;
    return known ? (dir === TO_SERVER ? YES : YES_REVERSED) : UNSURE;
  },
  open: () => new ProxyDecoder(),
  semantics,
};
