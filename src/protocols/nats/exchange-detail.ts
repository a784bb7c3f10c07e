import type { MessageContext } from '../../exchange/messaging.ts';

/** What NATS adds to an exchange. */
export class NatsDetail {
  /** Without its texts. */
  static readonly BYTES = 96;
  /** Subject to which the answer goes; '' when none is expected. */
  reply = '';
  payloadBytes = 0;
  /** It is itself the answer to a request on this connection. */
  answers = false;
  /** Text of an -ERR; status in the headers of the answer (`503`: no responders). */
  error = '';
  context: MessageContext | null = null;
}
