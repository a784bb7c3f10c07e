/** Frames (RFC 9113 sections 4 and 6): `length(24) type(8) flags(8) R stream(31)` and a payload. */

export const FRAME_HEAD = 9;

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const HAS_PRIORITY = 0x20;

export const PRIORITY_BYTES = 5;

/** What a client says first (section 3.4). */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Frames are no larger unless SETTINGS allow it (section 4.2); servers and proxies hardly ever do. */
export const USUAL_FRAME = 16384;
/** SETTINGS has six bytes for each setting; nobody has so many. */
const MOST_SETTINGS = 6 * 64;

/** Flags that a type has; those that it has not are sent as 0 (section 4.1). */
const FLAGS = [
  END_STREAM | PADDED,
  END_STREAM | END_HEADERS | PADDED | HAS_PRIORITY,
  0,
  0,
  ACK,
  END_HEADERS | PADDED,
  ACK,
  0,
  0,
  END_HEADERS,
];

/** How many bytes of the preface stand at `buf[at, end)`: all 24, fewer when the rest does not stand there yet, -1 when it is something else. */
export function prefaceAt(buf: Buffer, at: number, end: number): number {
  const n = Math.min(end - at, PREFACE.length);
  for (let i = 0; i < n; i++) if (buf[at + i] !== PREFACE.charCodeAt(i)) return -1;
  return n;
}

export const frameLength = (buf: Buffer, at: number): number => (buf[at]! << 16) | (buf[at + 1]! << 8) | buf[at + 2]!;

/** The stream's id, the reserved bit ignored. */
export const frameStream = (buf: Buffer, at: number): number =>
  ((buf[at + 5]! & 0x7f) << 24) | (buf[at + 6]! << 16) | (buf[at + 7]! << 8) | buf[at + 8]!;

/** The length of a frame with this type and stream is possible, and so is its stream (section 6, each type's own part). */
export function isLawful(type: number, length: number, flags: number, stream: number): boolean {
  switch (type) {
    case DATA:
    case HEADERS:
    case CONTINUATION:
      return stream !== 0;
    case PUSH_PROMISE:
      return stream !== 0 && length >= 4;
    case PRIORITY:
      return stream !== 0 && length === 5;
    case RST_STREAM:
      return stream !== 0 && length === 4;
    case SETTINGS:
      return stream === 0 && ((flags & ACK) === 0 ? length % 6 === 0 : length === 0);
    case PING:
      return stream === 0 && length === 8;
    case GOAWAY:
      return stream === 0 && length >= 8;
    case WINDOW_UPDATE:
      return length === 4;
    default:
      return true; // frames of extensions are ignored (section 5.5)
  }
}

/** Judgements on what stands at a place that may be anywhere in a stream. */
export const NO_FRAME = -1;
export const TOO_SHORT = 0;

/**
 * The bytes of the frame at `buf[at]`, its head included, if it is one that somebody would send; NO_FRAME if it is not; TOO_SHORT when its
 * head is not whole, and is possible so far. `maxFrame`: the longest payload that is believed.
 */
export function credibleFrame(buf: Buffer, at: number, end: number, maxFrame: number): number {
  const n = end - at;
  if (n < 1) return TOO_SHORT;
  if (buf[at]! > maxFrame >> 16) return NO_FRAME;
  if (n < 4) return TOO_SHORT;
  const length = frameLength(buf, at);
  const type = buf[at + 3]!;
  if (length > maxFrame || type > CONTINUATION) return NO_FRAME;
  if (n < 5) return TOO_SHORT;
  const flags = buf[at + 4]!;
  if ((flags & ~FLAGS[type]!) !== 0) return NO_FRAME;
  if (n < FRAME_HEAD) return TOO_SHORT;
  if (buf[at + 5]! > 127) return NO_FRAME;
  const stream = frameStream(buf, at);
  if (!isLawful(type, length, flags, stream)) return NO_FRAME;
  if (type === SETTINGS && length > MOST_SETTINGS) return NO_FRAME;
  if (type === HEADERS && length === 0) return NO_FRAME;
  return FRAME_HEAD + length;
}
