/** What messaging systems have in common in the OpenTelemetry conventions (messaging spans and metrics, development). */

import { type Exchange, failureOf } from './exchange.ts';
import { type AttributeSink, type DurationInstrument, REQUEST_BOUNDS, type WireContext } from './semantics.ts';
import { Vocabulary } from './vocabulary.ts';

export const MESSAGING_DURATION: DurationInstrument = {
  name: 'messaging.client.operation.duration',
  description: 'Duration of messaging operation initiated by a producer or consumer client.',
  bounds: REQUEST_BOUNDS,
};

/** At the end to which a message is delivered: until it is acknowledged. */
export const PROCESS_DURATION: DurationInstrument = {
  name: 'messaging.process.duration',
  description: 'Duration of processing operation.',
  bounds: REQUEST_BOUNDS,
};

/** `messaging.operation.type`; '' for what is none of them (connect, declare). */
export type OperationType = 'send' | 'receive' | 'process' | 'settle' | 'create' | '';

/** What an exchange is in the words of the conventions. */
export interface Operation {
  readonly name: string;
  readonly type: OperationType;
}

const DESTINATIONS = new Vocabulary('messaging.destination', 4095);
const OPERATIONS = new Vocabulary('messaging.operation', 255);
const ERRORS = new Vocabulary('messaging.error', 1023);

/** `error.type`: why no answer came, or the answer's code; '' when it is no error. */
export const messagingError = (x: Exchange, code: string): string => failureOf(x) || code;

/**
 * A series key of what metrics tell messages apart by. `destination`: '' where it is temporary; `code`: the error code, '' for none;
 * `kind`: 0 to 15, whatever else `Semantics.kinds` depends on. 12 + 8 + 10 + 4 + 4 bits.
 */
export function messagingKey(x: Exchange, operation: string, destination: string, code: string, kind: number): number {
  const low = ERRORS.id(code) | (x.outcome << 10) | (kind << 14);
  return (DESTINATIONS.id(destination) * 256 + OPERATIONS.id(operation)) * 2 ** 18 + low;
}

/** `{operation} {destination}`; without a destination that means something, the operation alone. */
export const messagingSpanName = (operation: string, destination: string): string =>
  destination === '' ? operation : `${operation} ${destination}`;

/** The attributes that spans and metrics share. Metrics know only so many destinations: see `metricDestination`. */
export function putMessaging(x: Exchange, system: string, o: Operation, destination: string, put: AttributeSink): void {
  put.string('messaging.system', system);
  put.string('messaging.operation.name', o.name);
  if (o.type !== '') put.string('messaging.operation.type', o.type);
  if (destination !== '') put.string('messaging.destination.name', destination);
  const { ends } = x;
  // the broker, also where it is the one who asks
  put.string('server.address', ends.fromServer ? ends.clientAddress : ends.serverAddress);
  put.int('server.port', ends.fromServer ? ends.clientPort : ends.serverPort);
}

/** A destination as metrics may have it: '' when there was no room to tell it apart. */
export const metricDestination = (destination: string): string => DESTINATIONS.word(DESTINATIONS.id(destination));

/** Trace context in the headers or properties of a message. */
export class MessageContext implements WireContext {
  traceparent = '';
  tracestate = '';
  b3 = '';
  uberTraceId = '';
  sw8 = '';

  get isEmpty(): boolean {
    return this.traceparent === '' && this.b3 === '' && this.uberTraceId === '' && this.sw8 === '';
  }

  /** Takes a header of that name if it is one of them; names of headers are compared without regard to case. */
  take(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case 'traceparent':
        this.traceparent = value;
        break;
      case 'tracestate':
        this.tracestate = value;
        break;
      case 'b3':
        this.b3 = value;
        break;
      case 'uber-trace-id':
        this.uberTraceId = value;
        break;
      case 'sw8':
        this.sw8 = value;
        break;
    }
  }
}
