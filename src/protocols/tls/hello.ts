/** ClientHello, ServerHello and Certificate: the parts of a handshake that travel in the clear. */

import { MESSAGE, MESSAGE_HEADER } from './records.ts';

/** Types of handshake messages (RFC 8446 section 4). */
export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;
export const CERTIFICATE = 11;

const TLS_1_3 = 0x0304;
/** Drafts of TLS 1.3 have 0x7f and their number; up to this one their ServerHello had neither session id nor compression. */
const DRAFT = 0x7f;
const LAST_SHORT_DRAFT = 21;

/** Extensions (IANA registry of TLS extension types). */
const SERVER_NAME = 0;
const ALPN = 16;
const PRE_SHARED_KEY = 41;
const SUPPORTED_VERSIONS = 43;

const RANDOM_BYTES = 32;
/** Bytes of a host name at most (RFC 1035 section 2.3.4). */
const MAX_NAME = 255;
const PRINTABLE = /^[\x21-\x7e]+$/;

/** What the two hellos agree on; '' and 0 where they say nothing. */
export class Hello {
  serverName = '';
  /** The protocol that the server chose, visible up to TLS 1.2. */
  nextProtocol = '';
  /** On the wire: 0x0303 is TLS 1.2. */
  version = 0;
  cipher = 0;
  resumed = false;
}

/** A cursor over the message at hand: what is asked for beyond `end` is 0, and `failed` is set. */
class Reader {
  at = 0;
  end = 0;
  failed = false;

  over(at: number, end: number): this {
    this.at = at;
    this.end = end;
    this.failed = at > end;
    return this;
  }

  uint(bytes: 1 | 2 | 3): number {
    const from = this.skip(bytes);
    return this.failed ? 0 : MESSAGE.readUIntBE(from, bytes);
  }

  /** Where the skipped bytes begin. */
  skip(bytes: number): number {
    const from = this.at;
    if (this.failed || from + bytes > this.end) {
      this.failed = true;
      return 0;
    }
    this.at += bytes;
    return from;
  }
}

const READER = new Reader();

/** Reads the ClientHello in MESSAGE; false: it is none. `hello` null: only looked at. */
export function readClientHello(length: number, hello: Hello | null): boolean {
  const r = READER.over(MESSAGE_HEADER, length);
  const version = r.uint(2);
  r.skip(RANDOM_BYTES);
  r.skip(r.uint(1)); // session id
  const ciphers = r.uint(2);
  if (ciphers === 0 || ciphers % 2 !== 0) return false;
  r.skip(ciphers);
  const compressions = r.uint(1);
  if (compressions === 0) return false;
  r.skip(compressions);
  if (r.failed || version >> 8 !== 3) return false;
  if (r.at === r.end) return true; // no extensions
  for (let rest = r.uint(2); rest >= 4 && !r.failed; ) {
    const type = r.uint(2);
    const bytes = r.uint(2);
    const from = r.skip(bytes);
    rest -= 4 + bytes;
    if (r.failed) return false;
    if (type === SERVER_NAME && hello !== null) hello.serverName = serverName(from, from + bytes);
  }
  return !r.failed;
}

/** RFC 6066 section 3: list length (2), name type (1, 0 is a host name), length (2), name. */
function serverName(from: number, to: number): string {
  if (to - from < 5 || MESSAGE[from + 2] !== 0) return '';
  const length = MESSAGE.readUInt16BE(from + 3);
  if (length > MAX_NAME || from + 5 + length > to) return '';
  const name = MESSAGE.toString('latin1', from + 5, from + 5 + length);
  return PRINTABLE.test(name) ? name : '';
}

/** Reads the ServerHello in MESSAGE; false: it is none. */
export function readServerHello(length: number, hello: Hello): boolean {
  const r = READER.over(MESSAGE_HEADER, length);
  hello.version = r.uint(2);
  const draft = hello.version >> 8 === DRAFT && (hello.version & 0xff) <= LAST_SHORT_DRAFT;
  r.skip(RANDOM_BYTES);
  if (!draft) r.skip(r.uint(1)); // session id
  hello.cipher = r.uint(2);
  if (!draft) r.skip(1); // compression
  if (r.failed || (hello.version >> 8 !== 3 && !draft)) return false;
  if (r.at === r.end) return true;
  for (let rest = r.uint(2); rest >= 4 && !r.failed; ) {
    const type = r.uint(2);
    const bytes = r.uint(2);
    const from = r.skip(bytes);
    rest -= 4 + bytes;
    if (r.failed) return false;
    if (type === SUPPORTED_VERSIONS && bytes === 2) hello.version = MESSAGE.readUInt16BE(from);
    else if (type === PRE_SHARED_KEY) hello.resumed = true;
    else if (type === ALPN) hello.nextProtocol = nextProtocol(from, from + bytes);
  }
  return !r.failed;
}

/** RFC 7301 section 3.1: list length (2), and the one chosen: length (1), name. */
function nextProtocol(from: number, to: number): string {
  if (to - from < 4) return '';
  const length = MESSAGE[from + 2]!;
  if (from + 3 + length > to) return '';
  const name = MESSAGE.toString('latin1', from + 3, from + 3 + length);
  return PRINTABLE.test(name) ? name : '';
}

/** Whatever draft of it. */
export const isTls13 = ({ version }: Hello): boolean => version === TLS_1_3 || version >> 8 === DRAFT;

const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
/** Explicit tag 0: the version of a certificate. */
const VERSION_TAG = 0xa0;

/** End of validity of the first certificate of the Certificate message (TLS 1.2) in MESSAGE, as ISO 8601 in UTC; '' if it cannot be read. */
export function certificateExpiry(length: number): string {
  const r = READER.over(MESSAGE_HEADER, length);
  r.skip(3); // length of the list
  const bytes = r.uint(3);
  r.end = Math.min(r.end, r.at + bytes);
  // RFC 5280 section 4.1: Certificate { tbsCertificate { [0] version, serialNumber, signature, issuer, validity { notBefore, notAfter }
  if (enter(r, SEQUENCE) < 0 || enter(r, SEQUENCE) < 0) return '';
  if (MESSAGE[r.at] === VERSION_TAG) pass(r);
  pass(r);
  pass(r);
  pass(r);
  if (enter(r, SEQUENCE) < 0) return '';
  pass(r);
  const type = r.uint(1);
  const size = derLength(r);
  const from = r.skip(Math.max(0, size));
  if (r.failed || size < 0 || size > 20) return '';
  return time(type, MESSAGE.toString('latin1', from, from + size));
}

/** Goes into a DER value of that type; returns its length, -1 when there is another. */
function enter(r: Reader, type: number): number {
  if (r.uint(1) !== type) return -1;
  const length = derLength(r);
  return r.failed ? -1 : length;
}

function pass(r: Reader): void {
  r.uint(1);
  const length = derLength(r);
  if (length < 0) r.failed = true;
  else r.skip(length);
}

/** Length octets (X.690 section 8.1.3), up to two of them; -1 beyond. */
function derLength(r: Reader): number {
  const first = r.uint(1);
  if (first < 0x80) return first;
  if (first === 0x81) return r.uint(1);
  return first === 0x82 ? r.uint(2) : -1;
}

/** RFC 5280 section 4.1.2.5: YYMMDDHHMMSSZ (years from 50 on are of the last century) or YYYYMMDDHHMMSSZ. */
function time(type: number, text: string): string {
  const m = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (m === null || (type === UTC_TIME) !== (m[1]!.length === 2) || (type !== UTC_TIME && type !== GENERALIZED_TIME))
    return '';
  const year = m[1]!.length === 4 ? m[1]! : Number(m[1]) >= 50 ? `19${m[1]}` : `20${m[1]}`;
  return `${year}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}Z`;
}
