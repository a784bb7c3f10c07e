/** Interface description blocks of pcapng (4.2): link type u16 | reserved u16 | snaplen u32 | options. */

import { InterfaceClock } from './clock.ts';

const OPTION_END = 0;
const OPTION_NAME = 2;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

/** Microseconds, where no if_tsresol is given. */
const DEFAULT_RESOLUTION = 6;
/** Of a name as many bytes are kept: Linux has 15, Windows about 50. */
const MAX_NAME_BYTES = 64;

export interface Interface {
  /** As the machine that captured calls it; '' when the file does not say. */
  name: string;
  /** LINKTYPE_ number. */
  link: number;
  /** 0: no limit. */
  snaplen: number;
  clock: InterfaceClock;
}

/** The block lies whole at `view[pos, pos + length)`. Options: code u16 | length u16 | value, padded to a multiple of 4. */
export function readInterface(view: DataView, pos: number, length: number, littleEndian: boolean): Interface {
  let resolution = DEFAULT_RESOLUTION;
  let offsetSec = 0;
  let name = '';
  const end = pos + length - 4;
  for (let at = pos + 16; end - at >= 4; ) {
    const code = view.getUint16(at, littleEndian);
    const bytes = view.getUint16(at + 2, littleEndian);
    if (code === OPTION_END || bytes > end - at - 4) break;
    if (code === OPTION_NAME) name = textAt(view, at + 4, Math.min(bytes, MAX_NAME_BYTES));
    if (code === OPTION_TSRESOL && bytes === 1) resolution = view.getUint8(at + 4);
    if (code === OPTION_TSOFFSET && bytes === 8) offsetSec = signed64(view, at + 4, littleEndian);
    at += 4 + ((bytes + 3) & ~3);
  }
  return {
    name,
    link: view.getUint16(pos + 8, littleEndian),
    snaplen: view.getUint32(pos + 12, littleEndian),
    clock: new InterfaceClock(resolution, offsetSec),
  };
}

/** UTF-8; some writers end it with a zero. */
function textAt(view: DataView, pos: number, bytes: number): string {
  const text = Buffer.from(view.buffer, view.byteOffset + pos, bytes).toString('utf8');
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}

/** A number of seconds; one beyond 2^53 has no exact number, and no meaning. */
function signed64(view: DataView, pos: number, littleEndian: boolean): number {
  const high = view.getInt32(littleEndian ? pos + 4 : pos, littleEndian);
  const low = view.getUint32(littleEndian ? pos : pos + 4, littleEndian);
  return high * 2 ** 32 + low;
}
