/** gRPC over HTTP/2: what it means that a stream was broken off. */

import {
  CANCELLED,
  DEADLINE_EXCEEDED,
  INTERNAL,
  PERMISSION_DENIED,
  RESOURCE_EXHAUSTED,
  UNAVAILABLE,
  UNKNOWN_STATUS,
} from '../../exchange/grpc/status.ts';
import { codeOf, isShutdown } from './reasons.ts';

/** By error code of RST_STREAM (gRPC over HTTP/2, "Errors"). */
const OF_CODES = [
  INTERNAL, // NO_ERROR
  INTERNAL, // PROTOCOL_ERROR
  INTERNAL, // INTERNAL_ERROR
  INTERNAL, // FLOW_CONTROL_ERROR
  INTERNAL, // SETTINGS_TIMEOUT
  UNKNOWN_STATUS, // STREAM_CLOSED: no mapping
  INTERNAL, // FRAME_SIZE_ERROR
  UNAVAILABLE, // REFUSED_STREAM
  CANCELLED, // CANCEL
  INTERNAL, // COMPRESSION_ERROR
  INTERNAL, // CONNECT_ERROR
  RESOURCE_EXHAUSTED, // ENHANCE_YOUR_CALM
  PERMISSION_DENIED, // INADEQUATE_SECURITY
  UNKNOWN_STATUS, // HTTP_1_1_REQUIRED: no mapping
];

/**
 * Timers fire when they are due or later, but a deadline is put into the header as what was left of it when the header was written:
 * a cancellation this close to it was the deadline's.
 */
const DEADLINE_SHARE = 0.9;

/** The status that the client's library makes of a stream that was broken off after so long. */
export function statusOfReason(reason: number, afterNs: number, timeoutNs: number): number {
  if (isShutdown(reason)) return UNAVAILABLE;
  const status = OF_CODES[codeOf(reason)] ?? UNKNOWN_STATUS;
  return status === CANCELLED && afterNs >= DEADLINE_SHARE * timeoutNs ? DEADLINE_EXCEEDED : status;
}
