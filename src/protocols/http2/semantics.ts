import type { Exchange } from '../../exchange/exchange.ts';
import { grpcSemantics } from '../../exchange/grpc/semantics.ts';
import { httpSemantics, UNKNOWN_STATUS } from '../../exchange/http/semantics.ts';
import { type AttributeSink, CLIENT, type Semantics, type Side } from '../../exchange/semantics.ts';
import type { Http2Detail } from './detail.ts';
import { isCancel, reasonName } from './reasons.ts';

/** What HTTP/2 exchanges and calls of gRPC have in common. */
function putStream(x: Exchange, put: AttributeSink): void {
  const d = x.detail as Http2Detail | null;
  put.int('spantap.http2.stream', x.key);
  if (x.reason !== 0) put.string('spantap.http2.reset', reasonName(x.reason));
  if (d === null) return;
  if (d.unknownFields > 0) put.int('spantap.http2.unknown_fields', d.unknownFields);
  if (d.stalls > 0) put.int('spantap.http2.flow_control_stalls', d.stalls);
}

function errorType(x: Exchange, side: Side): string {
  if (x.reason === 0) return httpSemantics.errorType(x, side);
  // who gives up deliberately has no error; who cannot answer any more has
  return side === CLIENT && isCancel(x.reason) ? '' : reasonName(x.reason);
}

/** Room for every reason: 16 of each side. */
const REASONS = 64;

/** HTTP/2 means what HTTP/1.x means (HTTP semantic conventions), except for streams that are broken off alone. */
export const http2Semantics: Semantics = {
  ...httpSemantics,

  status: (x) => {
    if (x.status > 0) return String(x.status);
    return Number.isNaN(x.firstByteNs) ? null : UNKNOWN_STATUS;
  },

  errorType,

  attributes: (x, side, route, put) => {
    httpSemantics.attributes(x, side, route, put);
    putStream(x, put);
  },

  seriesKey: (x) => httpSemantics.seriesKey(x) * REASONS + REASONS / 2 + x.reason,
};

/** Calls of gRPC over HTTP/2. */
export const grpcOverHttp2: Semantics = {
  ...grpcSemantics,
  attributes: (x, side, route, put) => {
    grpcSemantics.attributes(x, side, route, put);
    putStream(x, put);
  },
};
