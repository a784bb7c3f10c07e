/** Why a stream was broken off, as `Exchange.reason` holds it. */

import { type Dir, TO_SERVER } from '../protocol.ts';

/** Error codes (RFC 9113 section 7), by number. */
const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];
const NO_ERROR = 0;
const CANCEL = 8;
/** Codes that the specification does not know. */
const OTHER_CODE = CODES.length;
/** GOAWAY without an error: the server shuts down in order, and has not begun with this stream. */
const SHUT_DOWN = OTHER_CODE + 1;

/** RST_STREAM with this code: from the server 1 + code, from the client below zero. */
export function resetReason(dir: Dir, code: number): number {
  const reason = 1 + Math.min(code, OTHER_CODE);
  return dir === TO_SERVER ? -reason : reason;
}

/** GOAWAY of the server with this code, for a stream that it will not look at. */
export const goawayReason = (code: number): number => 1 + (code === NO_ERROR ? SHUT_DOWN : Math.min(code, OTHER_CODE));

/** Value of `error.type`. */
export function reasonName(reason: number): string {
  const code = Math.abs(reason) - 1;
  return code === SHUT_DOWN ? 'goaway' : (CODES[code] ?? '_OTHER');
}

/** The client itself gave up, and had no error. */
export const isCancel = (reason: number): boolean => reason === -1 - CANCEL || reason === -1 - NO_ERROR;

/** Error code of the frame that broke the stream off; -1 when that was a shutdown in order, or nothing known. */
export function codeOf(reason: number): number {
  const code = Math.abs(reason) - 1;
  return code < OTHER_CODE ? code : -1;
}

export const isShutdown = (reason: number): boolean => reason === 1 + SHUT_DOWN;
