/**
 * Every frame moves exactly one of the verdicts: it was a segment, or the reason why not. The notes are facts besides.
 */
export class PacketCounters {
  // Verdicts: segments handed on.
  tcp = 0;
  udp = 0;

  // Verdicts: decoded as far as it goes, but no TCP or UDP.
  /** ARP and reverse ARP. */
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

  // Verdicts: the snaplen cut a header, or the header contradicts itself.
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
  // Verdicts on fragments; the one that makes its datagram whole gets the verdict of what is inside.
  /** Taken in to wait for the rest of the datagram. */
  fragmentsHeld = 0;
  /** Exact copies of a fragment already held. */
  fragmentsDuplicate = 0;
  /** It overlaps or contradicts another, and the whole datagram was given up (RFC 5722). */
  fragmentsOverlapping = 0;
  /** It came later for a datagram that was given up. */
  fragmentsRefused = 0;
  /** No memory for it, or its datagram has too many. */
  fragmentsOverBudget = 0;

  // Notes.
  /** Tags beyond what a packet records; the packet itself goes on. */
  tagsDropped = 0;
  /** The IP length reaches beyond the frame's length on the wire (a capture rewritten shorter); the packet goes on as a cut one. */
  lengthBeyondFrame = 0;
  /** Datagrams made whole. */
  fragmentsReassembled = 0;
  /** Datagrams that did not become whole in time. */
  fragmentsExpired = 0;
  /** Datagrams evicted for newer ones. */
  fragmentsEvicted = 0;
}

/** The counters that name a layer whose header is wrong. */
export type MalformedCounter =
  | 'malformedLink'
  | 'malformedIp4'
  | 'malformedIp6'
  | 'malformedTcp'
  | 'malformedUdp'
  | 'malformedTunnel';
