/** Messages of PostgreSQL's protocol, version 3, as clients and servers write them. */

const int16 = (n: number): Buffer => {
  const b = Buffer.alloc(2);
  b.writeInt16BE(n);
  return b;
};
const int32 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeInt32BE(n);
  return b;
};
const zero = (text: string): Buffer => Buffer.from(`${text}\0`);

export function message(letter: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((p) => Buffer.from(p as string)));
  return Buffer.concat([Buffer.from(letter), int32(4 + body.length), body]);
}

/** A first message: version or code, and what follows. */
export function first(code: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat([int32(code), ...parts]);
  return Buffer.concat([int32(4 + body.length), body]);
}

export const startup = (options: Record<string, string>, version = 0x30000): Buffer =>
  first(version, ...Object.entries(options).flatMap(([name, value]) => [zero(name), zero(value)]), Buffer.of(0));
export const sslRequest = first(80877103);
export const gssRequest = first(80877104);
export const cancelRequest = first(80877102, int32(4711), int32(0x1234abcd));

export const query = (text: string): Buffer => message('Q', zero(text));
export const parse = (name: string, text: string, types: readonly number[] = []): Buffer =>
  message('P', zero(name), zero(text), int16(types.length), ...types.map(int32));
export const bind = (portal: string, name: string, ...values: (string | null)[]): Buffer =>
  message('B', zero(portal), zero(name), int16(1), int16(0), columns(values), int16(1), int16(0));
export const describeStatement = (name: string): Buffer => message('D', 'S', zero(name));
export const describePortal = (portal: string): Buffer => message('D', 'P', zero(portal));
export const execute = (portal: string, rows = 0): Buffer => message('E', zero(portal), int32(rows));
export const closeStatement = (name: string): Buffer => message('C', 'S', zero(name));
export const closePortal = (name: string): Buffer => message('C', 'P', zero(name));
export const sync = message('S');
export const flush = message('H');
export const terminate = message('X');
export const functionCall = (id: number, ...values: string[]): Buffer =>
  message('F', int32(id), int16(0), columns(values), int16(0));
export const password = (text: string): Buffer => message('p', zero(text));

export const copyData = (bytes: string | Buffer): Buffer => message('d', bytes);
export const copyDone = message('c');
export const copyFail = (why: string): Buffer => message('f', zero(why));

/** Number of values, and each with its length. */
function columns(values: readonly (string | null)[]): Buffer {
  const parts = values.map((v) =>
    v === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(v)), Buffer.from(v)]),
  );
  return Buffer.concat([int16(values.length), ...parts]);
}

export const authentication = (code: number, ...more: (Buffer | string)[]): Buffer =>
  message('R', int32(code), ...more);
export const setting = (name: string, value: string): Buffer => message('S', zero(name), zero(value));
export const keyData = message('K', int32(4711), int32(0x1234abcd));
export const ready = (state = 'I'): Buffer => message('Z', state);
export const complete = (tag: string): Buffer => message('C', zero(tag));
export const emptyQuery = message('I');
export const row = (...values: (string | null)[]): Buffer => message('D', columns(values));
export const rowDescription = (...names: string[]): Buffer =>
  message(
    'T',
    int16(names.length),
    ...names.map((n) => Buffer.concat([zero(n), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)])),
  );
export const parameterDescription = (...types: number[]): Buffer =>
  message('t', int16(types.length), ...types.map(int32));
export const parsed = message('1');
export const bound = message('2');
export const closed = message('3');
export const noData = message('n');
export const suspended = message('s');
export const functionResult = (value: string): Buffer => message('V', int32(value.length), value);
export const copyInResponse = message('G', Buffer.of(0), int16(2), int16(0), int16(0));
export const copyOutResponse = message('H', Buffer.of(0), int16(1), int16(0));
export const copyBothResponse = message('W', Buffer.of(0), int16(0));
export const notification = (channel: string, payload: string): Buffer =>
  message('A', int32(4712), zero(channel), zero(payload));

const fields = (severity: string, code: string, text: string): Buffer =>
  Buffer.concat([zero(`S${severity}`), zero(`V${severity}`), zero(`C${code}`), zero(`M${text}`), Buffer.of(0)]);
export const error = (code: string, text = 'something went wrong', severity = 'ERROR'): Buffer =>
  message('E', fields(severity, code, text));
export const notice = (code: string, text = 'by the way'): Buffer => message('N', fields('NOTICE', code, text));
