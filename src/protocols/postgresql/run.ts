import type { Window } from '../protocol.ts';
import { HEAD_BYTES } from './messages.ts';

/**
 * Rows and COPY data come by the thousand: passes over all messages of the type of the one at `w.pos`, `total` bytes long, that are
 * whole in the window. Answers with their number; 1 also when that one alone is there and not whole, `w.pos` stays then.
 */
export function run(w: Window, type: number, total: number): number {
  const { buf, view, end } = w;
  let at = w.pos + total;
  if (at > end) return 1;
  let count = 1;
  while (at + HEAD_BYTES < end && buf[at] === type) {
    const next = at + 1 + view.getInt32(at + 1);
    // Less than its columns' number (2 bytes) is no row: the caller says so.
    if (next < at + HEAD_BYTES + 2 || next > end) break;
    at = next;
    count++;
  }
  w.pos = at;
  return count;
}
