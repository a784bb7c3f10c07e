/**
 * Names that telemetry puts on everything that leaves, as literals: importing @opentelemetry/semantic-conventions costs
 * 13 to 30 ms at each start. A test holds them against the package's constants.
 */

import { VERSION } from '../self/version.ts';

export const SCOPE_NAME = 'spantap';
export const SCOPE_VERSION = VERSION;
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.45.0';

export const SERVICE_NAME = 'service.name';
export const SERVICE_NAMESPACE = 'service.namespace';
export const SERVICE_INSTANCE_ID = 'service.instance.id';
export const SERVICE_VERSION = 'service.version';
export const TELEMETRY_SDK_NAME = 'telemetry.sdk.name';
export const TELEMETRY_SDK_LANGUAGE = 'telemetry.sdk.language';
export const TELEMETRY_SDK_VERSION = 'telemetry.sdk.version';
export const TELEMETRY_DISTRO_NAME = 'telemetry.distro.name';

export const SERVICE_PEER_NAME = 'service.peer.name';
export const SERVICE_PEER_NAMESPACE = 'service.peer.namespace';
/** Deprecated by service.peer.name, but all that Tempo, Jaeger and the service graph connector read. */
export const PEER_SERVICE = 'peer.service';
export const NETWORK_PEER_ADDRESS = 'network.peer.address';
export const NETWORK_PEER_PORT = 'network.peer.port';
export const NETWORK_PROTOCOL_NAME = 'network.protocol.name';
export const NETWORK_IO_DIRECTION = 'network.io.direction';
export const NETWORK_INTERFACE_NAME = 'network.interface.name';
export const ERROR_TYPE = 'error.type';

/** Set on the series that takes what the limit of series turned away (metrics SDK specification, cardinality limits). */
export const METRIC_OVERFLOW = 'otel.metric.overflow';

export const SPANTAP_WAITS = 'spantap.waits';
export const SPANTAP_CLOCK = 'spantap.clock';
export const SPANTAP_OUTCOME = 'spantap.outcome';
export const SPANTAP_TIME_TO_FIRST_BYTE = 'spantap.time_to_first_byte';
export const SPANTAP_REQUEST_TRANSFER = 'spantap.request.transfer';
export const SPANTAP_RESPONSE_TRANSFER = 'spantap.response.transfer';
export const SPANTAP_RETRANSMISSIONS = 'spantap.retransmissions';
export const SPANTAP_OUT_OF_ORDER = 'spantap.out_of_order';
export const SPANTAP_ZERO_WINDOWS = 'spantap.zero_windows';
export const SPANTAP_DIRECTION = 'spantap.direction';

/** What every resource says of its maker. */
export const MAKER: Readonly<Record<string, string>> = {
  [TELEMETRY_SDK_NAME]: SCOPE_NAME,
  [TELEMETRY_SDK_LANGUAGE]: 'nodejs',
  [TELEMETRY_SDK_VERSION]: VERSION,
  [TELEMETRY_DISTRO_NAME]: SCOPE_NAME,
};
