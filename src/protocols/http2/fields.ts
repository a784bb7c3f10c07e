/** The header fields that mean something to us, and what a header block says in them. */

import { UNKNOWN } from '../../exchange/exchange.ts';
import { MAX_VALUE } from '../../exchange/http/fields.ts';

/** Of a field: its name is not known, because it refers to a table entry that was lost. */
export const LOST_NAME = -1;
/** Its name is known and means nothing to us: its value is never made into a text. */
export const OTHER = 0;
export const METHOD = 1;
export const SCHEME = 2;
export const AUTHORITY = 3;
export const PATH = 4;
export const STATUS = 5;
export const CONTENT_TYPE = 6;
export const GRPC_STATUS = 7;
export const GRPC_TIMEOUT = 8;
export const HOST = 9;
export const USER_AGENT = 10;
export const FORWARDED = 11;
export const X_FORWARDED_FOR = 12;
export const X_FORWARDED_HOST = 13;
export const X_FORWARDED_PROTO = 14;
/** From here on values hardly ever come twice. */
export const TRACEPARENT = 15;
export const TRACESTATE = 16;
export const B3 = 17;
export const B3_TRACE_ID = 18;
export const B3_SPAN_ID = 19;
export const B3_SAMPLED = 20;
export const UBER_TRACE_ID = 21;
export const SW8 = 22;

/** By field; names are lower case on the wire (RFC 9113 section 8.2). */
const NAMES = [
  '',
  ':method',
  ':scheme',
  ':authority',
  ':path',
  ':status',
  'content-type',
  'grpc-status',
  'grpc-timeout',
  'host',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-sampled',
  'uber-trace-id',
  'sw8',
];

/** Bits of the fields that metrics need, that reports by path need as well, and all. */
export const FOR_METRICS = bits(METHOD, PATH, STATUS, CONTENT_TYPE, GRPC_STATUS, GRPC_TIMEOUT);
export const FOR_SPANS = -1;

function bits(...fields: readonly number[]): number {
  return fields.reduce((all, f) => all | (1 << f), 0);
}

const LONGEST = Math.max(...NAMES.map((n) => n.length));
/** The fields whose names have so many bytes. */
const BY_LENGTH: readonly (readonly number[])[] = Array.from({ length: LONGEST + 1 }, (_, n) =>
  NAMES.flatMap((name, field) => (field !== OTHER && name.length === n ? [field] : [])),
);

/** The field with the name `bytes[from, from + length)`, or OTHER. */
export function fieldNamed(bytes: Uint8Array, from: number, length: number): number {
  if (length > LONGEST) return OTHER;
  const candidates = BY_LENGTH[length]!;
  for (let c = 0; c < candidates.length; c++) {
    const field = candidates[c]!;
    const name = NAMES[field]!;
    let i = 0;
    while (i < length && bytes[from + i] === name.charCodeAt(i)) i++;
    if (i === length) return field;
  }
  return OTHER;
}

/** The field with this name, or OTHER. */
export const fieldOf = (name: string): number => Math.max(OTHER, NAMES.indexOf(name));

/** Two traceparent fields make both worthless (W3C Trace Context 3.2). */
export const TWICE = '-';

/** Larger header lists are a bomb: 1 MiB is what Go's servers accept, the most that any common server does. */
const MAX_LIST_BYTES = 1 << 20;

/** What one header block says; filled anew for each. */
export class Fields {
  /** By field; '' where it is not there. */
  readonly values: string[] = NAMES.map(() => '');
  /** Fields that refer to entries which were lost. */
  unknown = 0;
  /** Those of them that may be pseudo-header fields, which come first (RFC 9113 section 8.3). */
  unknownPseudo = 0;
  #regular = false;
  #listBytes = 0;

  begin(): void {
    this.values.fill('');
    this.unknown = 0;
    this.unknownPseudo = 0;
    this.#regular = false;
    this.#listBytes = 0;
  }

  get oversized(): boolean {
    return this.#listBytes > MAX_LIST_BYTES;
  }

  /** `bytes`: its size as RFC 7541 section 4.1 counts it. */
  take(field: number, value: string, bytes: number): void {
    this.#listBytes += bytes;
    if (field > OTHER) {
      const { values } = this;
      if (field > STATUS) this.#regular = true;
      if (values[field] === '') values[field] = value;
      else if (field === TRACESTATE) values[field] = `${values[field]},${value}`.slice(0, MAX_VALUE);
      else if (field === TRACEPARENT) values[field] = TWICE;
    } else if (field === OTHER) this.#regular = true;
    else {
      this.unknown++;
      if (!this.#regular) this.unknownPseudo++;
    }
  }

  /** The value of a pseudo-header field; UNKNOWN when it may be among those that are not known; '' when it is not there. */
  pseudo(field: number): string {
    const value = this.values[field]!;
    return value === '' && this.unknownPseudo > 0 ? UNKNOWN : value;
  }

  /** It begins as a request does; in trailers there is no pseudo-header field. */
  get asks(): boolean {
    const { values } = this;
    return values[METHOD] !== '' || values[PATH] !== '' || values[SCHEME] !== '' || values[AUTHORITY] !== '';
  }

  /** No 1xx would say that. */
  get concludes(): boolean {
    return this.values[CONTENT_TYPE] !== '' || this.values[GRPC_STATUS] !== '';
  }

  /** Status code; 0 when there is none, or it is not known. */
  get status(): number {
    const text = this.values[STATUS]!;
    if (text.length !== 3) return 0;
    const n = (text.charCodeAt(0) - 48) * 100 + (text.charCodeAt(1) - 48) * 10 + text.charCodeAt(2) - 48;
    return n >= 100 && n <= 999 ? n : 0;
  }
}
