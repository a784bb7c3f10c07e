/** Builds headers around payloads, innermost first: `ethernet(0x0800, ip4({ protocol: 6 }, tcp({ dstPort: 80 }, data)))`. */

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Bytes from numbers, hex text and buffers. */
export function bytes(...parts: (number | string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((p) => (typeof p === 'number' ? Buffer.of(p) : typeof p === 'string' ? hex(p) : p)));
}

export function u16(value: number): Buffer {
  const b = Buffer.alloc(2);
  b.writeUInt16BE(value);
  return b;
}

export function u32(value: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(value >>> 0);
  return b;
}

export function ethernet(type: number, payload: Buffer): Buffer {
  return bytes('020000000002', '020000000001', u16(type), payload);
}

export function vlan(id: number, type: number, payload: Buffer): Buffer {
  return bytes(u16(id), u16(type), payload);
}

export interface Ip4 {
  protocol?: number;
  src?: string;
  dst?: string;
  id?: number;
  /** In bytes. */
  offset?: number;
  more?: boolean;
  total?: number;
  options?: Buffer;
}

export function ip4(o: Ip4, payload: Buffer): Buffer {
  const options = o.options ?? Buffer.alloc(0);
  const headerBytes = 20 + options.length;
  return bytes(
    0x40 | (headerBytes / 4),
    0,
    u16(o.total ?? headerBytes + payload.length),
    u16(o.id ?? 1),
    u16(((o.more ?? false) ? 0x2000 : 0) | ((o.offset ?? 0) / 8)),
    64,
    o.protocol ?? 6,
    u16(0),
    Buffer.from((o.src ?? '10.0.0.1').split('.').map(Number)),
    Buffer.from((o.dst ?? '10.0.0.2').split('.').map(Number)),
    options,
    payload,
  );
}

export const SRC6 = '20010db8000000000000000000000001';
export const DST6 = '20010db8000000000000000000000002';

export function ip6(next: number, payload: Buffer, length = payload.length): Buffer {
  return bytes(0x60, 0, u16(0), u16(length), next, 64, SRC6, DST6, payload);
}

export function fragment6(next: number, id: number, offset: number, more: boolean, payload: Buffer): Buffer {
  return ip6(44, bytes(next, 0, u16(offset | (more ? 1 : 0)), u32(id), payload));
}

export interface Tcp {
  srcPort?: number;
  dstPort?: number;
  seq?: number;
  ack?: number;
  flags?: number;
  window?: number;
  options?: Buffer;
}

export function tcp(o: Tcp = {}, payload: Buffer = Buffer.from('hello')): Buffer {
  const options = o.options ?? Buffer.alloc(0);
  return bytes(
    u16(o.srcPort ?? 40000),
    u16(o.dstPort ?? 80),
    u32(o.seq ?? 0xfffffff0),
    u32(o.ack ?? 7),
    ((20 + options.length) / 4) << 4,
    o.flags ?? 0x18,
    u16(o.window ?? 512),
    u32(0),
    options,
    payload,
  );
}

export function udp(srcPort: number, dstPort: number, payload: Buffer, length = 8 + payload.length): Buffer {
  return bytes(u16(srcPort), u16(dstPort), u16(length), u16(0), payload);
}
