/** Header blocks (RFC 7541 section 6): a list of fields, most of them as references to the tables. */

import { Words } from '../../bytes/words.ts';
import { MAX_VALUE } from '../../exchange/http/fields.ts';
import type { DynamicTable } from './dynamic-table.ts';
import { type Fields, fieldNamed, LOST_NAME, OTHER, PATH, TRACEPARENT } from './fields.ts';
import { readHuffman } from './huffman.ts';
import { STATIC_ENTRIES, STATIC_FIELDS, STATIC_NAME_BYTES, STATIC_VALUES } from './static-table.ts';

/** Longest path that is kept. */
const MAX_PATH = 2048;
const SCRATCH = Buffer.alloc(MAX_PATH);
const WORDS = new Words();

/** An integer has at most five bytes behind its prefix: sizes of tables have 32 bits. */
const MAX_SHIFT = 28;

/** Kinds of fields by their first bits. */
const INDEXED = 0x80;
const ADDED = 0x40;
const RESIZE = 0x20;

/** What the counters of the protocol say of header blocks. */
export interface BlockCounters {
  /** Fields whose table entry is unknown. */
  unknownFields: number;
  /** Entries for which there was no memory. */
  tableRefused: number;
}

/** Reads header blocks; the one instance serves all connections of a thread. */
export class BlockReader {
  readonly #counters: BlockCounters;
  #buf: Buffer = SCRATCH;
  #at = 0;
  #end = 0;
  /** Of the string read last: `#bytes[#from, #from + #length)`, of which `#length` may say more than was decoded. */
  #bytes: Buffer = SCRATCH;
  #from = 0;
  #length = 0;

  constructor(counters: BlockCounters) {
    this.#counters = counters;
  }

  /** Reads the block `buf[from, to)`. `wanted`: bits of the fields whose values are wanted. False: it is not valid. */
  read(table: DynamicTable, buf: Buffer, from: number, to: number, wanted: number, fields: Fields): boolean {
    this.#buf = buf;
    this.#at = from;
    this.#end = to;
    fields.begin();
    while (this.#at < to) {
      const b = buf[this.#at]!;
      let ok: boolean;
      if (b >= INDEXED) ok = this.#indexed(table, fields);
      else if (b >= ADDED) ok = this.#literal(table, 63, true, wanted, fields);
      else if (b >= RESIZE) ok = this.#resize(table);
      else ok = this.#literal(table, 15, false, wanted, fields); // without indexing, or never indexed
      if (!ok) return false;
    }
    return true;
  }

  /** `1 index(7)`: name and value stand in a table (section 6.1). */
  #indexed(table: DynamicTable, fields: Fields): boolean {
    const index = this.#integer(127);
    if (index <= 0) return false;
    if (index <= STATIC_ENTRIES) {
      const value = STATIC_VALUES[index]!;
      fields.take(STATIC_FIELDS[index]!, value, STATIC_NAME_BYTES[index]! + value.length + 32);
      return true;
    }
    const i = index - STATIC_ENTRIES - 1;
    const field = i < table.count ? table.field(i) : LOST_NAME;
    if (field === LOST_NAME) {
      this.#counters.unknownFields++;
      fields.take(LOST_NAME, '', 0);
    } else fields.take(field, table.value(i), table.size(i));
    return true;
  }

  /** `01 index(6)` or `000x index(4)`, a name where the index is 0, and a value (section 6.2). */
  #literal(table: DynamicTable, prefix: number, added: boolean, wanted: number, fields: Fields): boolean {
    const index = this.#integer(prefix);
    if (index < 0) return false;
    let field: number;
    let nameBytes: number;
    if (index === 0) {
      if (!this.#string(MAX_VALUE, true)) return false;
      nameBytes = this.#length;
      field = fieldNamed(this.#bytes, this.#from, nameBytes);
    } else if (index <= STATIC_ENTRIES) {
      field = STATIC_FIELDS[index]!;
      nameBytes = STATIC_NAME_BYTES[index]!;
    } else {
      const i = index - STATIC_ENTRIES - 1;
      field = i < table.count ? table.field(i) : LOST_NAME;
      nameBytes = i < table.count ? table.nameBytes(i) : 0;
    }
    if (field > OTHER && ((wanted >> field) & 1) === 0) field = OTHER;
    const max = field > OTHER ? (field === PATH ? MAX_PATH : MAX_VALUE) : 0;
    if (!this.#string(max, max > 0 || added)) return false;
    const value = max > 0 ? this.#text(field, max) : '';
    if (field === LOST_NAME) this.#counters.unknownFields++;
    fields.take(field, value, nameBytes + this.#length + 32);
    if (added && !table.add(field, value, nameBytes, this.#length)) this.#counters.tableRefused++;
    return true;
  }

  /** `001 size(5)` (section 6.3). */
  #resize(table: DynamicTable): boolean {
    const bytes = this.#integer(31);
    if (bytes < 0) return false;
    table.resize(bytes);
    return true;
  }

  /** The integer whose prefix stands in the low bits of the present byte (section 5.1); -1: it is not whole, or too long. */
  #integer(prefix: number): number {
    const buf = this.#buf;
    let value = buf[this.#at++]! & prefix;
    if (value < prefix) return value;
    for (let shift = 0; shift <= MAX_SHIFT && this.#at < this.#end; shift += 7) {
      const b = buf[this.#at++]!;
      value += (b & 127) * 2 ** shift;
      if (b < 128) return value;
    }
    return -1;
  }

  /**
   * `H length(7)` and so many bytes (section 5.2). Up to `max` bytes of it are needed; `measured` false: not even its length is.
   * False: it does not fit into the block, or the code is broken.
   */
  #string(max: number, measured: boolean): boolean {
    if (this.#at >= this.#end) return false;
    const coded = this.#buf[this.#at]! >= 128;
    const n = this.#integer(127);
    if (n < 0 || n > this.#end - this.#at) return false;
    const from = this.#at;
    this.#at += n;
    this.#length = n;
    if (!coded || !measured) {
      this.#bytes = this.#buf;
      this.#from = from;
      return true;
    }
    this.#bytes = SCRATCH;
    this.#from = 0;
    this.#length = readHuffman(this.#buf, from, from + n, SCRATCH, max);
    return this.#length >= 0;
  }

  #text(field: number, max: number): string {
    const to = this.#from + Math.min(this.#length, max);
    if (field < TRACEPARENT) return WORDS.text(this.#bytes, this.#from, to);
    return this.#bytes.toString('utf8', this.#from, to);
  }
}
