/** Properties of a PUBLISH (MQTT 5.0 section 3.3.2.3): identifier (1), value, again and again. */

import { MessageContext } from '../../exchange/messaging.ts';
import { variableInt } from './packet.ts';

const TOPIC_ALIAS = 0x23;
const USER_PROPERTY = 0x26;

/** Bytes of a property's value, by identifier (5.0 section 2.2.2.2); 0: a variable integer, -1: text or data of 2 + n, -2: two texts. */
const PROPERTY_BYTES = new Map<number, number>([
  [0x01, 1],
  [0x02, 4],
  [0x03, -1],
  [0x08, -1],
  [0x09, -1],
  [0x0b, 0],
  [TOPIC_ALIAS, 2],
  [USER_PROPERTY, -2],
]);

/** What the properties of the message at hand say. */
class Properties {
  /** 0: there is none. */
  alias = 0;
  /** Trace context in user properties; null when there is none. */
  context: MessageContext | null = null;

  reset(): void {
    this.alias = 0;
    this.context = null;
  }

  /** Reads `buf[from, to)`, as far as it can be read. */
  read(buf: Buffer, from: number, to: number): void {
    let found: MessageContext | null = null;
    for (let at = from; at < to; ) {
      const id = buf[at]!;
      const bytes = PROPERTY_BYTES.get(id);
      at++;
      if (bytes === undefined) break;
      if (bytes > 0) {
        if (id === TOPIC_ALIAS && at + 2 <= to) this.alias = buf.readUInt16BE(at);
        at += bytes;
      } else if (bytes === 0) {
        const n = variableInt(buf, at, to);
        if (n <= 0) break;
        at += n;
      } else {
        if (at + 2 > to) break;
        const nameEnd = at + 2 + buf.readUInt16BE(at);
        if (bytes === -1) {
          at = nameEnd;
          continue;
        }
        if (nameEnd + 2 > to) break;
        const valueEnd = nameEnd + 2 + buf.readUInt16BE(nameEnd);
        if (valueEnd > to) break;
        found ??= new MessageContext();
        found.take(buf.toString('latin1', at + 2, nameEnd), buf.toString('latin1', nameEnd + 2, valueEnd));
        at = valueEnd;
      }
    }
    this.context = found === null || found.isEmpty ? null : found;
  }
}

/** There is one message at hand at a time. */
export const PROPERTIES = new Properties();
