import { Hello } from './hello.ts';

/** Values of Exchange.status. Alerts are added to the last two. */
export const AGREED = 1;
/** The server answered the ClientHello with a fatal alert. */
export const REFUSED = 1000;
/** One end broke the handshake off after the ServerHello. */
export const BROKEN_OFF = 2000;
/** In place of an alert that was encrypted. */
export const HIDDEN_ALERT = 999;

/** What TLS adds to an exchange. */
export class TlsDetail {
  /** Without its texts. */
  static readonly BYTES = 200;
  readonly hello = new Hello();
  /** End of the server certificate's validity, ISO 8601; '' where it is encrypted (TLS 1.3) or was not sent. */
  notAfter = '';
}

/** The alert in a status, -1 when it holds none. */
export function alertOf(status: number): number {
  if (status >= BROKEN_OFF) return status - BROKEN_OFF;
  return status >= REFUSED ? status - REFUSED : -1;
}
