import { NO, type Protocol, TO_SERVER, UNSURE, type Window, YES, YES_REVERSED } from '../protocol.ts';
import { COUNTERS, MAX_HEAD_BYTES, MongoDecoder } from './decoder.ts';
import { mongoSemantics } from './semantics.ts';
import { isFollowed, mayAsk, NOT_A_START, requestStart, responseStart } from './starts.ts';
import { CLIENT_SENDS, SERVER_SENDS } from './wire.ts';

/** MongoDB's wire protocol: OP_MSG, OP_COMPRESSED, and the legacy operations. */
export const mongodb: Protocol = {
  name: 'mongodb',
  transport: 'tcp',
  pairing: 'keyed',
  // mongod and mongos; shard and config servers
  ports: [27017, 27018, 27019],
  maxHead: MAX_HEAD_BYTES,
  probe(dir, w) {
    if (w.end - w.pos < 4) return UNSURE;
    // Requests and replies may look alike: a request says that it answers nothing, and so does the reply to request number 0.
    let asked = verdict(w, requestStart(w), CLIENT_SENDS);
    if (asked === YES && !mayAsk(w)) asked = NO;
    const answered = verdict(w, responseStart(w), SERVER_SENDS);
    const [expected, other] = dir === TO_SERVER ? [asked, answered] : [answered, asked];
    return expected !== NO || other !== YES ? (expected === NO ? other : expected) : YES_REVERSED;
  },
  open: (exchanges) => new MongoDecoder(exchanges),
  semantics: mongoSemantics,
  counters: COUNTERS,
};

function verdict(w: Window, needed: number, sender: number): typeof NO | typeof UNSURE | typeof YES {
  if (needed === NOT_A_START) return NO;
  if (needed > w.end - w.pos) return UNSURE;
  return isFollowed(w, sender) ? YES : NO;
}
