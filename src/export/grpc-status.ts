import { GRPC_STATUS_NAMES } from '../bytes/grpc-codes.ts';
import { eachField, excerpt } from './response.ts';

/** Codes after which the same request may succeed (OTLP specification, failures over gRPC). */
const RETRYABLE = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS']);

/** What the trailers of a call say. */
export interface GrpcStatus {
  readonly name: string;
  /** Name and message, for people. */
  readonly text: string;
  readonly retryable: boolean;
  /** Milliseconds to wait, null when the server says nothing. */
  readonly afterMs: number | null;
}

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Null when the fields hold no status. `trailers` may be the headers of an answer that has nothing else. */
export function grpcStatus(trailers: Fields): GrpcStatus | null {
  const code = one(trailers['grpc-status']);
  if (code === undefined || !/^\d{1,4}$/.test(code)) return null;
  const name = GRPC_STATUS_NAMES[Number(code)] ?? `code ${Number(code)}`;
  const message = excerpt(Buffer.from(percentDecoded(one(trailers['grpc-message']) ?? '')));
  const afterMs = retryDelayMs(one(trailers['grpc-status-details-bin']) ?? '');
  return {
    name,
    text: message === '' ? name : `${name}: ${message}`,
    // "RESOURCE_EXHAUSTED is retryable only if the server says when" (the same section)
    retryable: RETRYABLE.has(name) || (name === 'RESOURCE_EXHAUSTED' && afterMs !== null),
    afterMs,
  };
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}

/** `grpc-message` is UTF-8 in which all but printable ASCII is percent-encoded; what is malformed stays as it is. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * `google.rpc.RetryInfo` among the details of a `google.rpc.Status { code = 1; message = 2; repeated Any details = 3 }`, where
 * `Any { type_url = 1; value = 2 }`, `RetryInfo { Duration retry_delay = 1 }`, `Duration { seconds = 1; nanos = 2 }`.
 */
function retryDelayMs(base64: string): number | null {
  let found: number | null = null;
  eachField(Buffer.from(base64, 'base64'), (field, type, _value, any) => {
    if (field !== 3 || type !== 2) return;
    let isRetryInfo = false;
    let info: Buffer = Buffer.alloc(0);
    eachField(any, (inner, innerType, _v, bytes) => {
      if (inner === 1 && innerType === 2) isRetryInfo = bytes.toString('latin1').endsWith('/google.rpc.RetryInfo');
      if (inner === 2 && innerType === 2) info = bytes;
    });
    if (!isRetryInfo) return;
    found ??= 0; // a default duration is left out
    eachField(info, (inner, innerType, _v, duration) => {
      if (inner !== 1 || innerType !== 2) return;
      let ms = 0;
      eachField(duration, (unit, unitType, value) => {
        if (unitType !== 0 || !Number.isSafeInteger(value)) return; // a negative one is far beyond
        if (unit === 1) ms += value * 1000;
        if (unit === 2) ms += value / 1e6;
      });
      found = ms;
    });
  });
  return found;
}
