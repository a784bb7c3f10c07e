import { FULL, IN_ORDER, LOST, MORE, STOP, type Window } from '../protocol.ts';
import { PostgresDetail } from './exchange-detail.ts';
import { CANCEL_CODE, GSS_CODE, MAJOR, MAX_CANCEL, MAX_STARTUP, MIN_CANCEL, SSL_CODE } from './messages.ts';
import type { Session } from './session.ts';
import { StartupOptions } from './startup.ts';
import { STARTUP } from './unit.ts';

/** First byte of a TLS record with a handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** What readFirst() answers besides steps: another first message follows, or from now on each has a letter. */
export const UNTYPED = -1;
export const TYPED = -2;

const OPTIONS = new StartupOptions();

/**
 * Reads the first message at `w.pos`: its length (4 bytes), and the protocol's version or a code (4 bytes). Who asked for encryption
 * and gets none begins anew with the next one. A step, UNTYPED or TYPED.
 */
export function readFirst(session: Session, w: Window): number {
  const { buf, view, pos } = w;
  const n = w.end - pos;
  if (buf[pos] === TLS_HANDSHAKE) return STOP; // the consent was not seen
  if (buf[pos] !== 0) return LOST;
  if (n < 8) {
    w.want = 8;
    return MORE;
  }
  const length = view.getUint32(pos);
  const code = view.getUint32(pos + 4);
  if (length < 8 || length > MAX_STARTUP) return LOST;
  if (n < length) {
    w.want = length;
    return MORE;
  }
  if ((code === SSL_CODE || code === GSS_CODE) && length === 8) {
    session.negotiating = true;
    w.pos += 8;
    return UNTYPED;
  }
  if (code === CANCEL_CODE && length >= MIN_CANCEL && length <= MAX_CANCEL) {
    cancel(session, w, length);
    return UNTYPED;
  }
  if (code >>> 16 !== MAJOR || !OPTIONS.read(w, length)) return LOST;
  startup(session, w, length);
  return TYPED;
}

/** The key that permits it is not looked at; nothing answers, the server hangs up. */
function cancel(session: Session, w: Window, length: number): void {
  const { out } = session;
  const x = out.begin(IN_ORDER, w, w.pos, w.pos + 8);
  w.pos += length;
  if (x === null) return;
  x.operation = 'CANCEL';
  x.requestEndNs = w.timeBefore();
  x.requestBytes = length;
  out.asked(x, 0);
  out.oneWay(x);
}

function startup(session: Session, w: Window, length: number): void {
  session.negotiating = false;
  session.namespace = OPTIONS.database;
  session.certain = true;
  const u = session.begin(STARTUP, 'STARTUP', w, length);
  w.pos += length;
  const { x } = u;
  if (x === null) return;
  if (session.out.detail === FULL) {
    const detail = new PostgresDetail(session.dialect);
    detail.user = OPTIONS.user;
    x.detail = detail;
  }
  session.asked(u, OPTIONS.user.length);
  x.requestEndNs = w.timeBefore();
  x.requestBytes = length;
}
