/** Every way in which a frame can fail to become a segment, and a few facts worth knowing about those that did. */
export class PacketCounters {
  /** Segments handed on. */
  tcp = 0;
  udp = 0;

  // Decoded as far as it goes, but no TCP or UDP.
  arp = 0;
  icmp = 0;
  /** IPsec: encrypted, nothing to see. */
  esp = 0;
  /** Some other protocol on top of IP. */
  otherProtocol = 0;
  /** Carries no IP by design: 802.2 control frames, PPP control, PPPoE discovery, 802.11 management. */
  notIp = 0;
  unknownLink = 0;
  unknownEthertype = 0;
  /** 802.11 data frames with the Protected bit, and those that are a fragment or an aggregate (A-MSDU). */
  wlanEncrypted = 0;
  wlanPartial = 0;

  // The snaplen cut a header, or the header contradicts itself.
  truncated = 0;
  malformedLink = 0;
  malformedIp4 = 0;
  malformedIp6 = 0;
  malformedTcp = 0;
  malformedUdp = 0;
  malformedTunnel = 0;
  malformedFragment = 0;

  /** More tunnels, VLAN tags, MPLS labels or IPv6 extension headers than are followed. */
  depthExceeded = 0;
  /** Tags beyond what a packet records; the packet itself goes on. */
  tagsDropped = 0;
  /** The IP length reaches beyond the frame's length on the wire (a capture rewritten shorter); the packet goes on as a cut one. */
  lengthBeyondFrame = 0;

  /** Fragments taken in to wait for the rest of their datagram. */
  fragmentsHeld = 0;
  /** Datagrams made whole. */
  fragmentsReassembled = 0;
  /** Exact copies of a fragment already held. */
  fragmentsDuplicate = 0;
  /** Datagrams given up because fragments overlap or contradict each other (RFC 5722). */
  fragmentsOverlapping = 0;
  /** Later fragments of a datagram that was given up. */
  fragmentsRefused = 0;
  /** Datagrams that did not become whole in time. */
  fragmentsExpired = 0;
  /** Datagrams evicted for newer ones. */
  fragmentsEvicted = 0;
  /** Fragments turned away because there was no memory, or because their datagram has too many. */
  fragmentsOverBudget = 0;
}

/** The counters that name a layer whose header is wrong. */
export type MalformedCounter =
  | 'malformedLink'
  | 'malformedIp4'
  | 'malformedIp6'
  | 'malformedTcp'
  | 'malformedUdp'
  | 'malformedTunnel';
