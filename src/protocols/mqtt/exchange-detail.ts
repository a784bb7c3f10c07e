import type { MessageContext } from '../../exchange/messaging.ts';

/** What MQTT adds to an exchange. */
export class MqttDetail {
  /** Without its texts. */
  static readonly BYTES = 96;
  qos = 0;
  packetId = 0;
  /** Bytes of the message itself, of a PUBLISH. */
  payloadBytes = 0;
  clientId = '';
  /** The topic was said as a number. */
  aliased = false;
  context: MessageContext | null = null;
}
