/** Messages of DNS as clients and servers word them (RFC 1035 section 4). */

export const TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
};
export type Type = keyof typeof TYPES;

const u16 = (n: number): Buffer => Buffer.from([n >>> 8, n & 255]);
const u32 = (n: number): Buffer => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);

/** Labels without pointers; `.` is the root. */
export function name(text: string): Buffer {
  const labels = text === '.' ? [] : text.split('.');
  return Buffer.concat([
    ...labels.map((l) => Buffer.concat([Buffer.of(Buffer.byteLength(l)), Buffer.from(l)])),
    Buffer.of(0),
  ]);
}

/** The question's name, once more. */
export const ASKED = Buffer.of(0xc0, 12);

export interface Record {
  readonly owner: Buffer;
  readonly type: number;
  readonly class?: number;
  readonly ttlSec: number;
  readonly data: Buffer;
}

export const record = (owner: Buffer, type: Type, data: Buffer, ttlSec = 300): Record => ({
  owner,
  type: TYPES[type],
  ttlSec,
  data,
});

export const address = (text: string): Buffer =>
  text.includes(':')
    ? Buffer.from(
        text
          .split(':')
          .map((g) => g.padStart(4, '0'))
          .join(''),
        'hex',
      )
    : Buffer.from(text.split('.').map(Number));

/** An address of the asked name; IPv6 with all its eight groups. */
export const addressRecord = (text: string, ttlSec = 300): Record =>
  record(ASKED, text.includes(':') ? 'AAAA' : 'A', address(text), ttlSec);

/** RFC 6891: the upper eight bits of the rcode stand in the time to live. */
export const opt = (rcodeHigh = 0, data = Buffer.alloc(0)): Record => ({
  owner: Buffer.of(0),
  type: TYPES.OPT,
  class: 1232,
  ttlSec: rcodeHigh << 24,
  data,
});

const laidOut = (r: Record): Buffer =>
  Buffer.concat([r.owner, u16(r.type), u16(r.class ?? 1), u32(r.ttlSec), u16(r.data.length), r.data]);

export interface Words {
  readonly id: number;
  readonly opcode?: number;
  readonly rcode?: number;
  /** Bits of the flags on top of those that follow: AA 0x400, TC 0x200, RA 0x80. */
  readonly flags?: number;
  readonly questions?: readonly Buffer[];
  readonly answers?: readonly Record[];
  readonly authorities?: readonly Record[];
  readonly additionals?: readonly Record[];
}

export const question = (text: string, type: Type | number, c = 1): Buffer =>
  Buffer.concat([name(text), u16(typeof type === 'number' ? type : TYPES[type]), u16(c)]);

export function message(w: Words, response: boolean): Buffer {
  const { questions = [], answers = [], authorities = [], additionals = [] } = w;
  const flags = (response ? 0x8000 : 0) | ((w.opcode ?? 0) << 11) | (w.flags ?? 0x100) | (w.rcode ?? 0);
  return Buffer.concat([
    u16(w.id),
    u16(flags),
    ...[questions, answers, authorities, additionals].map((list) => u16(list.length)),
    ...questions,
    ...[...answers, ...authorities, ...additionals].map(laidOut),
  ]);
}

export const query = (id: number, text: string, type: Type | number = 'A', more: Partial<Words> = {}): Buffer =>
  message({ id, questions: [question(text, type)], ...more }, false);

/** Success with these answers, unless `more` says otherwise. */
export const response = (
  id: number,
  text: string,
  type: Type | number = 'A',
  answers: readonly Record[] = [],
  more: Partial<Words> = {},
): Buffer => message({ id, questions: [question(text, type)], answers, flags: 0x180, ...more }, true);

export const refusal = (id: number, text: string, rcode: number, type: Type | number = 'A'): Buffer =>
  response(id, text, type, [], { rcode });

/** The form that it has over TCP (RFC 1035 section 4.2.2). */
export const prefixed = (m: Buffer): Buffer => Buffer.concat([u16(m.length), m]);

export const soa = (owner: Buffer = ASKED, serial = 7): Record =>
  record(
    owner,
    'SOA',
    Buffer.concat([name('ns.zone.example'), name('root.zone.example'), u32(serial), Buffer.alloc(16)]),
  );
