import { NO, type Protocol, TO_SERVER, UNSURE, YES } from '../protocol.ts';
import { COUNTERS, KafkaDecoder, MAX_HEAD_BYTES } from './decoder.ts';
import { kafkaSemantics } from './semantics.ts';
import { isRequestFollowed, NOT_A_START, requestStart } from './starts.ts';

/** Apache Kafka's protocol, all APIs and versions. */
export const kafka: Protocol = {
  name: 'kafka',
  transport: 'tcp',
  pairing: 'keyed',
  // listeners of brokers; 9093 is common for the second one, or for controllers
  ports: [9092, 9093],
  maxHead: MAX_HEAD_BYTES,
  probe(dir, w) {
    // Responses say nothing of what they answer: the next request gives the protocol away.
    if (dir !== TO_SERVER) return NO;
    const needed = requestStart(w);
    if (needed === NOT_A_START) return NO;
    if (needed > w.end - w.pos) return UNSURE;
    return isRequestFollowed(w) ? YES : NO;
  },
  open: (exchanges) => new KafkaDecoder(exchanges),
  semantics: kafkaSemantics,
  counters: COUNTERS,
};
