/** What this protocol could not follow, of all connections. */
export class AmqpCounters {
  /** Frames of channels for which there was no room. */
  channelsRefused = 0;
  /** Publishes with confirms whose number is not known, because some in front of them were missed: no confirm is told with them. */
  publishesUnnumbered = 0;
  /** Confirms that no numbering explains: what was under way on that channel is given up. */
  confirmsAstray = 0;
}

export const COUNTERS = new AmqpCounters();
