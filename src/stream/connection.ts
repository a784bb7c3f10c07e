import { Weather } from '../exchange/weather.ts';
import type { Packet } from '../packet/packet.ts';
import { Conversation, type ConversationEnv, type Parties } from './conversation.ts';
import { Flow, type Side } from './flow.ts';
import { Half } from './half.ts';
import { SETTLED } from './health.ts';

/** Until the handshake has shown how long a round trip takes, what comes that much late has been sent again, ns (Wireshark's figure). */
const ROUND_TRIP_NS = 3e6;

export const LIVE = 0;
/** Over; the entry stays for a moment to swallow stragglers. */
export const DONE = 1;
/** The agent's own, or one that nobody wants: packets are passed over. */
export const IGNORED = 2;

/** One TCP connection, from its first packet to its last. */
export class Connection extends Flow implements Parties {
  readonly half0 = new Half();
  readonly half1 = new Half();
  readonly weather = new Weather();
  readonly conversation: Conversation;
  state = LIVE;
  clientSide: -1 | Side = -1;
  /** Segments wait in a queue, or the receiver has acknowledged what we have not seen. */
  disordered = false;
  /** Nothing waits for its time, and no packet has come since that was found out. */
  rests = false;
  /** Who sent the SYN, -1 when none was seen, and how far the handshake has come. */
  opener: -1 | Side = -1;
  handshake = SETTLED;
  /** Times of the first SYN and of the last one; NaN when only its answer was seen. */
  synNs = Number.NaN;
  lastSynNs = Number.NaN;
  roundTripNs = ROUND_TRIP_NS;
  readonly firstNs: number;
  /** Where its first packet was captured (`Packet.device`), and whether other devices have shown packets of it. */
  readonly device: number;
  copied = false;
  /** Its handshake goes on, or a window is shut: every packet may change that. */
  attentive = false;
  /** Not told yet (TcpNews). */
  opened = 0;
  refused = 0;
  timedOut = 0;
  handshakeNs = Number.NaN;

  constructor(p: Packet, hash: number, env: ConversationEnv, midway: boolean) {
    super(p, hash);
    this.firstNs = p.timeNs;
    this.device = p.device;
    this.conversation = new Conversation(env, this, midway);
  }
}
