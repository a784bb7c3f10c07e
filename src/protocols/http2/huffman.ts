/** The Huffman code of HPACK (RFC 7541 section 5.2 and Appendix B). */

/**
 * Lengths in bits of the codes of the symbols 0 to 255 and of EOS. The code is canonical: codes of one length count upwards in the
 * order of their symbols, so that the lengths say it all.
 */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const EOS = 256;
/** Padding is shorter than a byte (section 5.2). */
const MAX_PADDING_BITS = 7;

/**
 * The code as a machine that reads four bits at a step: its states are the 256 inner nodes of the code's tree, and no step ends
 * more than one symbol, because the shortest code has five bits. An entry: bits 0-7 the next state, bit 8 a symbol has ended,
 * bits 9-16 that symbol; -1: no code goes on like this (EOS included).
 */
const STEPS = new Int32Array(256 * 16).fill(-1);
const ENDED = 256;
/** States in which a string may end: at the root, and behind up to seven bits of ones. */
const MAY_END = new Uint8Array(256);

build();

function build(): void {
  // children[2 * node + bit]: below 0 the symbol ~value, otherwise a node; 0 (the root is nobody's child): not there yet
  const children = new Int32Array(512);
  let nodes = 1;
  let code = 0;
  const symbols = LENGTHS.map((_, s) => s).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  symbols.forEach((symbol, i) => {
    const length = LENGTHS[symbol]!;
    if (i > 0) code = (code + 1) * 2 ** (length - LENGTHS[symbols[i - 1]!]!);
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const at = 2 * node + (Math.floor(code / 2 ** bit) & 1);
      if (children[at] === 0) children[at] = nodes++;
      node = children[at]!;
    }
    children[2 * node + (code & 1)] = ~symbol;
  });
  for (let node = 0; node < nodes; node++) {
    for (let bits = 0; bits < 16; bits++) STEPS[16 * node + bits] = step(children, node, bits);
  }
  for (let node = 0, n = 0; n <= MAX_PADDING_BITS; n++) {
    MAY_END[node] = 1;
    node = children[2 * node + 1]!;
  }
}

function step(children: Int32Array, from: number, bits: number): number {
  let node = from;
  let symbol = -1;
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[2 * node + ((bits >> bit) & 1)]!;
    if (next < 0) {
      symbol = ~next;
      if (symbol === EOS) return -1;
      node = 0;
    } else node = next;
  }
  return symbol < 0 ? node : node | ENDED | (symbol << 9);
}

/**
 * Decodes `buf[from, to)`; the first `max` bytes go to `out`. Returns how many bytes the string has, or -1 when it is not valid.
 */
export function readHuffman(buf: Buffer, from: number, to: number, out: Uint8Array, max: number): number {
  let state = 0;
  let n = 0;
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    let s = STEPS[(state << 4) | (b >> 4)]!;
    if (s < 0) return -1;
    if ((s & ENDED) !== 0) {
      if (n < max) out[n] = s >> 9;
      n++;
    }
    s = STEPS[((s & 255) << 4) | (b & 15)]!;
    if (s < 0) return -1;
    if ((s & ENDED) !== 0) {
      if (n < max) out[n] = s >> 9;
      n++;
    }
    state = s & 255;
  }
  return MAY_END[state] === 1 ? n : -1;
}
