/** What a Collector says of a request that it took in part. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/** Characters of a message that are shown. */
const MAX_MESSAGE_CHARS = 200;

/**
 * `partial_success` of an ExportTraceServiceResponse or ExportMetricsServiceResponse, which have the same shape:
 * field 1 `{ rejected_spans | rejected_data_points = 1 (int64); error_message = 2 }`. Null when there is none or the body is
 * something else; a server may answer anything.
 */
export function partialSuccess(body: Buffer, contentType: string): PartialSuccess | null {
  if (body.length === 0) return null;
  const found = contentType.includes('json') ? fromJson(body) : fromProtobuf(body);
  return found === null || (found.rejected === 0 && found.message === '') ? null : found;
}

/** Text of a body for a log line: its beginning, on one line, without control characters. */
export function excerpt(body: Buffer): string {
  const text = body.toString('utf8', 0, 4 * MAX_MESSAGE_CHARS);
  return text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_MESSAGE_CHARS);
}

/** Milliseconds to wait by a Retry-After header (RFC 9110 section 10.2.3: seconds or a date), null when it says nothing. */
export function retryAfterMs(value: string | undefined, nowEpochMs: number): number | null {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - nowEpochMs);
}

function fromJson(body: Buffer): PartialSuccess | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
  const partial = (parsed as { partialSuccess?: unknown } | null)?.partialSuccess;
  if (typeof partial !== 'object' || partial === null) return null;
  const p = partial as { rejectedSpans?: unknown; rejectedDataPoints?: unknown; errorMessage?: unknown };
  const count = p.rejectedSpans ?? p.rejectedDataPoints;
  const rejected = typeof count === 'number' || typeof count === 'string' ? Number(count) : 0; // int64 is text in JSON
  const message = typeof p.errorMessage === 'string' ? excerpt(Buffer.from(p.errorMessage)) : '';
  return { rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0, message };
}

function fromProtobuf(body: Buffer): PartialSuccess | null {
  let found: PartialSuccess | null = null;
  const whole = eachField(body, (field, wireType, _value, bytes) => {
    if (field !== 1 || wireType !== 2) return;
    let rejected = 0;
    let message = '';
    const fine = eachField(bytes, (inner, innerType, value, text) => {
      if (inner === 1 && innerType === 0) rejected = value;
      if (inner === 2 && innerType === 2) message = excerpt(text);
    });
    if (fine) found = { rejected: Number.isSafeInteger(rejected) ? rejected : 0, message };
  });
  return whole ? found : null;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Visits the fields of a protobuf message; false when it is none. */
export function eachField(
  body: Buffer,
  visit: (field: number, wireType: number, value: number, bytes: Buffer) => void,
): boolean {
  let pos = 0;
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < 10 && pos < body.length; i++) {
      const byte = body[pos++]!;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    return -1;
  };
  while (pos < body.length) {
    const tag = varint();
    const wireType = tag & 7;
    const field = Math.floor(tag / 8);
    let value = 0;
    let bytes: Buffer = NOTHING;
    if (tag < 8) return false;
    if (wireType === 0) value = varint();
    else if (wireType === 1) pos += 8;
    else if (wireType === 5) pos += 4;
    else if (wireType === 2) {
      const length = varint();
      if (length < 0 || length > body.length - pos) return false;
      bytes = body.subarray(pos, pos + length);
      pos += length;
    } else return false;
    if (value < 0 || pos > body.length) return false;
    visit(field, wireType, value, bytes);
  }
  return true;
}
