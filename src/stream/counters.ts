/** What the stream room counts (`stream.*`). */
export class StreamCounters {
  /** Connections that were opened, and those seen from their SYN. */
  connections = 0;
  connectionsFromSyn = 0;
  closedOrderly = 0;
  closedByReset = 0;
  expiredIdle = 0;
  /** Forgotten before that, because there was hardly room for others. */
  expiredEarly = 0;
  /** Packets of new connections turned away: `limits.flows` or the memory budget was reached. */
  refusedFlows = 0;
  /** Packets of connections that the agent itself opened to its Collector. */
  ignoredOwn = 0;
  /** UDP: conversations followed, datagrams handed to a decoder, of no known protocol, not understood, cut by the snaplen. */
  udpFlows = 0;
  datagrams = 0;
  datagramsUnrecognised = 0;
  datagramsMalformed = 0;
  datagramsCut = 0;
  /** Forgotten while a question waited, because there was no room for others. */
  udpFlowsGivenUp = 0;
  retransmittedSegments = 0;
  /** Packets of a connection captured at another device than its first ones: copies, or another way. Not counted as sent again. */
  elsewhere = 0;
  outOfOrderSegments = 0;
  keepAlives = 0;
  zeroWindows = 0;
  holes = 0;
  holeBytes = 0;
  /** Holes that were declared because out-of-order bytes reached their limit, not because the receiver acknowledged them. */
  forcedHoles = 0;
  /** Payload bytes that were handed to a decoder, and that passed on connections nobody decodes. */
  decodedBytes = 0;
  undecodedBytes = 0;
  /** Connections whose protocol was recognised, given up, struck off after violations, or handed over. */
  recognised = 0;
  unrecognised = 0;
  struckOff = 0;
  handedOver = 0;
  violations = 0;
  /** Bytes skipped while looking for the next credible message after a hole or violation. */
  resyncBytes = 0;
  /** Messages whose head was longer than the decoder's bound or the memory budget. */
  oversizedHeads = 0;
}
