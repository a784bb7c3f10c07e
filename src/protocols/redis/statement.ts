import type { Masking } from '../../exchange/masking.ts';
import type { Command } from './commands.ts';
import { isText, QUOTE } from './syntax.ts';

/** The most that is shown of one argument. */
export const MAX_SHOWN = 1024;

/** ` ?` for each of so many arguments: commands of few words come again and again. */
const HIDDEN = Array.from({ length: 65 }, (_, n) => ' ?'.repeat(n));

/**
 * The text of a command as it may leave: the name, then each argument or `?`. Passwords and what is masked never get
 * into it; a text beyond the bound is cut, and `cut` counts the bytes of arguments that are missing.
 */
export class Statement {
  text = '';
  cut = 0;
  #maxBytes = 0;
  #masking: Masking | null = null;
  #count = 0;

  /** A command of `count` words, its name included. */
  begin(name: string, count: number, maxBytes: number, masking: Masking): void {
    this.text = name;
    this.cut = 0;
    this.#count = count;
    this.#maxBytes = maxBytes;
    this.#masking = masking;
  }

  /**
   * How many bytes of an argument must be there for argument(); 0: it is hidden. Unknown commands may be AUTH by
   * another name.
   */
  shows(command: Command | null, index: number): number {
    const m = this.#masking!;
    if ((m.keys && m.literals) || command === null || index >= command.secretFrom) return 0;
    const hidden = command.movableKeys ? m.keys || m.literals : command.isKey(index, this.#count) ? m.keys : m.literals;
    return hidden ? 0 : Math.max(0, Math.min(MAX_SHOWN, this.#maxBytes - this.text.length));
  }

  /** `buf[from, from + have)` is the beginning of an argument of `length` bytes. */
  show(buf: Buffer, from: number, have: number, length: number): void {
    const text = ` ${quoted(buf, from, from + have)}`;
    const room = Math.max(0, this.#maxBytes - this.text.length); // quoting makes it longer
    this.text += text.length > room ? text.slice(0, room) : text;
    this.cut += length - have + Math.max(0, text.length - room);
  }

  /** The next `count` arguments, of about `bytes` bytes in all, are not shown. */
  hide(count: number, bytes: number): void {
    const room = Math.max(0, (this.#maxBytes - this.text.length) >> 1);
    const n = Math.min(count, room);
    this.text += HIDDEN[n] ?? ' ?'.repeat(n);
    if (n < count) this.cut += bytes;
  }
}

/** As redis-cli would take it: in quotes where it is not a plain word. */
function quoted(buf: Buffer, from: number, to: number): string {
  const text = buf.toString('utf8', from, to);
  if (isText(buf, from, to) && !text.includes('\ufffd')) {
    return text !== '' && !/[\s"'\\]/.test(text) ? text : JSON.stringify(text);
  }
  let out = '"';
  for (let i = from; i < to; i++) {
    const b = buf[i]!;
    if (b < 32 || b >= 127) out += `\\x${b.toString(16).padStart(2, '0')}`;
    else out += b === QUOTE || b === 92 ? `\\${String.fromCharCode(b)}` : String.fromCharCode(b);
  }
  return `${out}"`;
}
