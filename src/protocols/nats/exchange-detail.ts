import type { MessageContext } from '../../exchange/messaging.ts';

/** What NATS adds to an exchange. */
export class NatsDetail {
  /** Without its texts. */
  static readonly BYTES = 96;
  /** Subject to which the answer goes; '' when none is expected. */
  reply = '';
  payloadBytes = 0;
  /** It is itself the answer to a request on this connection, or a status and no message. */
  answers = false;
  /** Text of an -ERR. */
  error = '';
  /** JetStream: what is said of a message that was delivered (`messaging.operation.name`); '' for other messages. */
  settles = '';
  /** JetStream has stored what was published, or says why not. */
  stored = false;
  /** JetStream's number of an error; 0 when it is none, or has none. */
  errorCode = 0;
  context: MessageContext | null = null;
}
