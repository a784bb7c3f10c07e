import type { WireContext } from '../exchange/semantics.ts';

export const SAMPLED = 0x01;

/** Hex value of a character code, -1 if it is none. Upper case only where the format allows it. */
function nibble(code: number, upper: boolean): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return upper && code >= 65 && code <= 70 ? code - 55 : -1;
}

/** A trace context that travelled with a request, read from whichever header carries one. Reused for every exchange. */
export class TraceContext {
  trace0 = 0;
  trace1 = 0;
  trace2 = 0;
  trace3 = 0;
  /** The caller's own client span. */
  parent0 = 0;
  parent1 = 0;
  /** W3C trace flags. */
  flags = 0;
  tracestate = '';
  /** False when the header says only whether to sample (`b3: 0`). */
  hasIds = false;

  readonly #digits = new Int32Array(32);

  get sampled(): boolean {
    return (this.flags & SAMPLED) !== 0;
  }

  /** Takes the first valid one of traceparent, b3, uber-trace-id and sw8; false when there is none. */
  parse(wire: WireContext): boolean {
    this.tracestate = '';
    this.hasIds = true;
    if (wire.traceparent !== '' && this.#traceparent(wire.traceparent)) {
      this.tracestate = wire.tracestate;
      return true;
    }
    return (
      (wire.b3 !== '' && this.#b3(wire.b3)) ||
      (wire.uberTraceId !== '' && this.#uber(wire.uberTraceId)) ||
      (wire.sw8 !== '' && this.#sw8(wire.sw8))
    );
  }

  /** `version "-" 32 hex "-" 16 hex "-" 2 hex` in lower case (W3C Trace Context 3.2). Later versions may append fields. */
  #traceparent(text: string): boolean {
    if (text.length < 55 || text[2] !== '-' || text[35] !== '-' || text[52] !== '-') return false;
    const high = nibble(text.charCodeAt(0), false);
    const low = nibble(text.charCodeAt(1), false);
    if (high < 0 || low < 0 || (high === 15 && low === 15)) return false;
    const version = high * 16 + low;
    if (version === 0 ? text.length !== 55 : text.length > 55 && text[55] !== '-') return false;
    const flags0 = nibble(text.charCodeAt(53), false);
    const flags1 = nibble(text.charCodeAt(54), false);
    if (flags0 < 0 || flags1 < 0) return false;
    this.flags = flags0 * 16 + flags1;
    return this.#trace(text, 3, 35, false) && this.#parent(text, 36, 52, false);
  }

  /** `traceid "-" spanid [ "-" sampled [ "-" parent ] ]`, or the sampling state alone (B3 propagation, single header). */
  #b3(text: string): boolean {
    const parts = text.split('-', 5);
    if (parts.length > 4) return false;
    if (parts.length === 1) {
      if (text !== '0' && text !== '1' && text !== 'd') return false;
      this.hasIds = false;
      this.flags = text === '0' ? 0 : SAMPLED;
      return true;
    }
    const [trace = '', span = '', state = '1'] = parts;
    if (state !== '0' && state !== '1' && state !== 'd') return false;
    if ((trace.length !== 32 && trace.length !== 16) || span.length !== 16) return false;
    this.flags = state === '0' ? 0 : SAMPLED;
    return this.#trace(trace, 0, trace.length, true) && this.#parent(span, 0, 16, true);
  }

  /** `trace ":" span ":" parent ":" flags`, hex without leading zeroes, perhaps URL-encoded (Jaeger client propagation). */
  #uber(text: string): boolean {
    const parts = (text.includes('%') ? text.replaceAll(/%3a/gi, ':') : text).split(':', 5);
    if (parts.length !== 4) return false;
    const [trace = '', span = '', , flags = ''] = parts;
    if (!/^[0-9a-fA-F]{1,2}$/.test(flags)) return false;
    if (trace.length < 1 || trace.length > 32 || span.length < 1 || span.length > 16) return false;
    this.flags = Number.parseInt(flags, 16) & SAMPLED;
    return this.#trace(trace, 0, trace.length, true) && this.#parent(span, 0, span.length, true);
  }

  /**
   * `sample "-" b64(trace id) "-" b64(segment id) "-" span number "-" ...` (SkyWalking cross-process headers v3). Its ids
   * are text; they become bytes as the Collector's SkyWalking receiver makes them, so that both meet in one trace.
   */
  #sw8(text: string): boolean {
    const parts = text.split('-', 9);
    if (parts.length !== 8 || (parts[0] !== '0' && parts[0] !== '1') || !/^\d{1,9}$/.test(parts[3]!)) return false;
    const trace = swBytes(Buffer.from(parts[1]!, 'base64').toString('latin1'), 0);
    const segment = swBytes(Buffer.from(parts[2]!, 'base64').toString('latin1'), Number(parts[3]));
    if (trace === null || segment === null) return false;
    this.trace0 = trace.readInt32BE(0);
    this.trace1 = trace.readInt32BE(4);
    this.trace2 = trace.readInt32BE(8);
    this.trace3 = trace.readInt32BE(12);
    this.parent0 = segment.readInt32BE(0) ^ segment.readInt32BE(8);
    this.parent1 = segment.readInt32BE(4) ^ segment.readInt32BE(12);
    this.flags = parts[0] === '1' ? SAMPLED : 0;
    return (this.trace0 | this.trace1 | this.trace2 | this.trace3) !== 0 && (this.parent0 | this.parent1) !== 0;
  }

  #trace(text: string, from: number, to: number, upper: boolean): boolean {
    if (!this.#hex(text, from, to, 32, upper)) return false;
    this.trace0 = this.#word(0);
    this.trace1 = this.#word(8);
    this.trace2 = this.#word(16);
    this.trace3 = this.#word(24);
    return (this.trace0 | this.trace1 | this.trace2 | this.trace3) !== 0;
  }

  #parent(text: string, from: number, to: number, upper: boolean): boolean {
    if (!this.#hex(text, from, to, 16, upper)) return false;
    this.parent0 = this.#word(0);
    this.parent1 = this.#word(8);
    return (this.parent0 | this.parent1) !== 0;
  }

  /** Reads hex digits, right-aligned into `width` of them. */
  #hex(text: string, from: number, to: number, width: number, upper: boolean): boolean {
    const digits = this.#digits;
    const pad = width - (to - from);
    for (let i = 0; i < pad; i++) digits[i] = 0;
    for (let i = from; i < to; i++) {
      const value = nibble(text.charCodeAt(i), upper);
      if (value < 0) return false;
      digits[pad + i - from] = value;
    }
    return true;
  }

  #word(at: number): number {
    let word = 0;
    for (let i = at; i < at + 8; i++) word = (word << 4) | this.#digits[i]!;
    return word;
  }
}

/**
 * 16 bytes from a SkyWalking id: a UUID, or 32 hex digits, optionally followed by `.thread.sequence`. Thread, sequence
 * and `extra` (the span number) are laid over it little-endian by exclusive or.
 */
function swBytes(id: string, extra: number): Buffer | null {
  const match = /^([0-9a-fA-F]{32})(?:\.(\d{1,10})\.(\d{1,20}))?$/.exec(id.length === 36 ? id.replaceAll('-', '') : id);
  if (match === null) return null;
  const bytes = Buffer.from(match[1]!, 'hex');
  bytes.writeInt32LE(bytes.readInt32LE(0) ^ extra, 0);
  if (match[2] !== undefined) {
    bytes.writeInt32LE(bytes.readInt32LE(4) ^ Number(BigInt.asIntN(32, BigInt(match[2]))), 4);
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(8) ^ BigInt.asUintN(64, BigInt(match[3]!)), 8);
  }
  return bytes;
}
