import { type Exchange, failureOf } from '../../exchange/exchange.ts';
import { type AttributeSink, REQUEST_BOUNDS, type Semantics } from '../../exchange/semantics.ts';
import { AGREED, alertOf, BROKEN_OFF, HIDDEN_ALERT, type TlsDetail } from './exchange-detail.ts';

/** Names of alerts (IANA registry of TLS alerts). */
const ALERTS: Readonly<Record<number, string>> = {
  10: 'unexpected_message',
  20: 'bad_record_mac',
  22: 'record_overflow',
  40: 'handshake_failure',
  41: 'no_certificate',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  49: 'access_denied',
  50: 'decode_error',
  51: 'decrypt_error',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  109: 'missing_extension',
  110: 'unsupported_extension',
  112: 'unrecognized_name',
  113: 'bad_certificate_status_response',
  115: 'unknown_psk_identity',
  116: 'certificate_required',
  120: 'no_application_protocol',
  // it was seen to be one by its length
  [HIDDEN_ALERT]: 'encrypted_alert',
};

/** `error.type` of a handshake: the alert's name, or why it came to no end. */
function errorType(x: Exchange): string {
  const alert = alertOf(x.status);
  return alert >= 0 ? (ALERTS[alert] ?? `alert_${alert}`) : failureOf(x);
}

/** 0x0303 is TLS 1.2 (RFC 8446 section 4.2.1); '' when it is none that has a name. */
function versionOf(x: Exchange): string {
  if (x.version === 0x0300) return '3';
  if (x.version >> 8 === 0x7f) return '1.3'; // a draft of it
  return x.version >= 0x0301 && x.version <= 0x0304 ? `1.${x.version - 0x0301}` : '';
}

function putVersion(x: Exchange, put: AttributeSink): void {
  const version = versionOf(x);
  if (version === '') return;
  put.string('tls.protocol.name', x.version === 0x0300 ? 'ssl' : 'tls');
  put.string('tls.protocol.version', version);
}

/** A TLS handshake by the attributes of the TLS registry; there is no convention for spans of it, nor for its metric. */
export const tlsSemantics: Semantics = {
  spans: 'client',
  connectionType: '',
  clientDuration: {
    name: 'spantap.tls.handshake.duration',
    description: 'Duration of TLS handshakes, from the ClientHello until both ends have finished.',
    bounds: REQUEST_BOUNDS,
  },
  serverDuration: null,

  operation: (x) => x.operation,

  status: (x) => {
    if (Number.isNaN(x.firstByteNs)) return null;
    return x.status === AGREED || x.status >= BROKEN_OFF ? 'ServerHello' : `alert ${alertOf(x.status)}`;
  },

  path: (x) => x.target,

  spanName: () => 'TLS handshake',

  errorType,

  attributes: (x, _side, _route, put) => {
    const d = x.detail as TlsDetail | null;
    putVersion(x, put);
    put.boolean('tls.established', x.status === AGREED && !Number.isNaN(x.endNs));
    put.string('server.address', x.target || x.ends.serverAddress);
    put.int('server.port', x.ends.serverPort);
    if (d === null) return;
    const { hello } = d;
    if (hello.serverName !== '') put.string('tls.client.server_name', hello.serverName);
    if (hello.cipher !== 0) put.string('tls.cipher', `0x${hello.cipher.toString(16).padStart(4, '0')}`);
    if (hello.nextProtocol !== '') put.string('tls.next_protocol', hello.nextProtocol);
    if (hello.version !== 0) put.boolean('tls.resumed', hello.resumed);
    if (d.notAfter !== '') put.string('tls.server.not_after', d.notAfter);
  },

  seriesKey: (x) => x.status | (x.outcome << 12) | ((x.version & 0xff) << 16) | ((x.version >> 8) << 24),

  dimensions: (x, _side, _route, put) => {
    putVersion(x, put);
    put.string('server.address', x.ends.serverAddress);
    put.int('server.port', x.ends.serverPort);
  },

  context: () => null,
};
