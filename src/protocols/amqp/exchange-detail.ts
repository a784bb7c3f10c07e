import type { MessageContext } from '../../exchange/messaging.ts';

/** What AMQP adds to an exchange. */
export class AmqpDetail {
  /** Without its texts. */
  static readonly BYTES = 160;
  exchange = '';
  routingKey = '';
  /** Of a delivery: the queue that its consumer reads, if that was seen. */
  queue = '';
  /** Made for one connection or one message: no name to count by. */
  temporary = false;
  /** Of a publish with confirms, of a delivery. */
  deliveryTag = 0;
  /** The broker was asked to send it back if it finds no queue. */
  mandatory = false;
  /** Basic.Consume: nothing is acknowledged. */
  noAck = false;
  /** Reply code with which a message came back, or a channel or connection was closed; 0 for none. */
  code = 0;
  /** That code is also told with the request which brought it about. */
  told = false;
  /** Bytes of the message itself; -1: not known. */
  bodyBytes = -1;
  messageId = '';
  correlationId = '';
  context: MessageContext | null = null;
}
