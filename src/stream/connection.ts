import { Weather } from '../exchange/weather.ts';
import type { Packet } from '../packet/packet.ts';
import { Conversation, type ConversationEnv, type Parties } from './conversation.ts';
import { Flow, type Side } from './flow.ts';
import { Half } from './half.ts';

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

  constructor(p: Packet, hash: number, env: ConversationEnv, midway: boolean) {
    super(p, hash);
    this.conversation = new Conversation(env, this, midway);
  }
}
