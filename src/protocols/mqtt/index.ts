import { NO, type Protocol, TO_SERVER, UNSURE, YES, YES_REVERSED } from '../protocol.ts';
import { MAX_HEAD, MqttDecoder } from './decoder.ts';
import { A_START, NOT_A_START, startAt } from './packet.ts';
import { mqttSemantics } from './semantics.ts';

/** MQTT 3.1, 3.1.1 (OASIS) and 5.0 (OASIS) over TCP. */
export const mqtt: Protocol = {
  name: 'mqtt',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [1883],
  maxHead: MAX_HEAD,
  probe(dir, w) {
    const start = startAt(w, w.pos, dir === TO_SERVER);
    if (start === A_START) return YES;
    const reversed = startAt(w, w.pos, dir !== TO_SERVER);
    if (reversed === A_START) return YES_REVERSED;
    return start === NOT_A_START && reversed === NOT_A_START ? NO : UNSURE;
  },
  open: (exchanges) => new MqttDecoder(exchanges),
  semantics: mqttSemantics,
};
