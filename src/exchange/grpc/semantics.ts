import { GRPC_STATUS_NAMES } from '../../bytes/grpc-codes.ts';
import { COMPLETE, type Exchange, failureOf, UNKNOWN } from '../exchange.ts';
import { hostPort, httpSemantics, UNKNOWN_STATUS, versionText } from '../http/semantics.ts';
import { type AttributeSink, CLIENT, REQUEST_BOUNDS, SERVER, type Semantics, type Side } from '../semantics.ts';
import { Vocabulary } from '../vocabulary.ts';
import type { GrpcDetail } from './detail.ts';
import { GRPC_STATUS_BASE } from './status.ts';

/** `package.Service/Method`: what series are told apart by. A service has tens of methods; a hostile client has any number. */
const METHODS = new Vocabulary('rpc.method', 4095);

/** Errors for which the server is to blame (gRPC semantic conventions, span status of servers). */
const SERVER_ERRORS = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** The fully-qualified method; '' when it is not known. */
function methodOf(x: Exchange): string {
  const t = x.target;
  return t.startsWith('/') ? t.slice(1) : t === UNKNOWN ? '' : t;
}

/** The status by name; '' when none is known. Numbers that are no status are UNKNOWN to every client. */
function statusName(x: Exchange): string {
  if (x.status < GRPC_STATUS_BASE) return '';
  return GRPC_STATUS_NAMES[x.status - GRPC_STATUS_BASE] ?? 'UNKNOWN';
}

function errorType(x: Exchange, side: Side): string {
  const name = statusName(x);
  if (name === '') return failureOf(x) || (x.status >= 400 ? String(x.status) : '');
  if (name === 'OK') return failureOf(x);
  return side === CLIENT || SERVER_ERRORS.has(name) ? name : '';
}

/** gRPC status in metrics and spans; nothing when it is not known, so that it never reads as a success. */
function putCommon(x: Exchange, method: string, put: AttributeSink): void {
  put.string('rpc.system.name', 'grpc');
  if (method !== '') put.string('rpc.method', method);
  const status = statusName(x);
  if (status !== '') put.string('rpc.status_code', status);
}

function putMessages(d: GrpcDetail, put: AttributeSink): void {
  if (d.web) put.boolean('spantap.grpc.web', true);
  if (d.timeoutNs >= 0) put.double('spantap.grpc.timeout', d.timeoutNs / 1e9);
  if (d.requestMessages >= 0) {
    put.int('spantap.grpc.request.messages', d.requestMessages);
    put.int('spantap.grpc.request.message_bytes', d.requestMessageBytes);
    if (d.requestCompressed > 0) put.int('spantap.grpc.request.compressed', d.requestCompressed);
  }
  if (d.responseMessages >= 0) {
    put.int('spantap.grpc.response.messages', d.responseMessages);
    put.int('spantap.grpc.response.message_bytes', d.responseMessageBytes);
    if (d.responseCompressed > 0) put.int('spantap.grpc.response.compressed', d.responseCompressed);
  }
}

function attributes(x: Exchange, side: Side, _route: string, put: AttributeSink): void {
  const d = x.detail as GrpcDetail | null;
  putCommon(x, methodOf(x), put);
  const named = hostPort((side === SERVER && d !== null && d.forwardedHost) || d?.host || '');
  put.string('server.address', named.host || x.ends.serverAddress);
  put.int('server.port', named.port || x.ends.serverPort);
  put.string('network.protocol.version', versionText(x.version));
  if (d !== null) {
    const http = x.status < GRPC_STATUS_BASE ? x.status : d.httpStatus;
    if (http > 0 && http !== 200) put.int('http.response.status_code', http);
    if (side === SERVER && d.forwardedFor !== '') put.string('client.address', hostPort(d.forwardedFor).host);
    if (d.userAgent !== '') put.string('user_agent.original', d.userAgent);
    putMessages(d, put);
  }
}

/** Meaning of a gRPC call by the RPC and gRPC semantic conventions (1.45), whatever version of HTTP it travels over. */
export const grpcSemantics: Semantics = {
  spans: 'pair',
  connectionType: '',
  clientDuration: {
    name: 'rpc.client.call.duration',
    description: 'Measures the duration of outbound remote procedure calls (RPC).',
    bounds: REQUEST_BOUNDS,
  },
  serverDuration: {
    name: 'rpc.server.call.duration',
    description: 'Measures the duration of inbound remote procedure calls (RPC).',
    bounds: REQUEST_BOUNDS,
  },

  operation: httpSemantics.operation,

  /** The gRPC status as a number; of a response that has not got so far its HTTP status. */
  status: (x) => {
    if (Number.isNaN(x.firstByteNs)) return null;
    if (x.status >= GRPC_STATUS_BASE) return String(x.status - GRPC_STATUS_BASE);
    return x.outcome === COMPLETE || x.status === 0 ? UNKNOWN_STATUS : String(x.status);
  },

  path: (x) => x.target,

  spanName: (x) => methodOf(x) || 'grpc',

  errorType,

  attributes,

  seriesKey: (x) => (METHODS.id(methodOf(x)) * 2048 + x.status) * 16 + x.outcome,

  dimensions: (x, side, _route, put) => {
    putCommon(x, METHODS.word(METHODS.id(methodOf(x))), put);
    if (side === CLIENT) {
      put.string('server.address', x.ends.serverAddress);
      put.int('server.port', x.ends.serverPort);
    }
  },

  messages: {
    seriesKey: (x) => METHODS.id(methodOf(x)),
    dimensions: (x, _kind, put) => {
      const method = METHODS.word(METHODS.id(methodOf(x)));
      put.string('rpc.system.name', 'grpc');
      if (method !== '') put.string('rpc.method', method);
    },
  },

  context: httpSemantics.context,
};
