import type { Window } from '../protocol.ts';

/** Longest name of a user or database that is kept: servers cut identifiers at 63 bytes. */
const MAX_NAME = 255;

/** Names and values of a startup message that say something. Reused. */
export class StartupOptions {
  user = '';
  database = '';

  /**
   * Reads the startup message of `length` bytes at `w.pos`: behind length and version, names and values in turn, each with
   * its zero byte, and one zero byte more. False: it is none. The user must be named; a database that is not has the
   * user's name, and replication of the whole server has none.
   */
  read(w: Window, length: number): boolean {
    const { buf, pos } = w;
    const end = pos + length - 1;
    this.user = '';
    this.database = '';
    let physical = false;
    if (length < 9 || buf[end] !== 0) return false;
    for (let at = pos + 8; at < end; ) {
      const nameEnd = w.find(0, at); // there is one: at `end`
      const valueEnd = nameEnd < end ? w.find(0, nameEnd + 1) : end;
      if (nameEnd === at || valueEnd >= end) return false;
      const value = buf.toString('utf8', nameEnd + 1, Math.min(valueEnd, nameEnd + 1 + MAX_NAME));
      if (is(buf, at, nameEnd, 'user')) this.user = value;
      else if (is(buf, at, nameEnd, 'database')) this.database = value;
      else if (is(buf, at, nameEnd, 'replication')) physical = /^(?:true|on|yes|1)$/.test(value);
      at = valueEnd + 1;
    }
    if (this.user === '') return false;
    if (physical) this.database = '';
    else if (this.database === '') this.database = this.user;
    return true;
  }
}

/** `buf[from, to)` is that ASCII word. */
function is(buf: Buffer, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (buf[from + i] !== word.charCodeAt(i)) return false;
  return true;
}
