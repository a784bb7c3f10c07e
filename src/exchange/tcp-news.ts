/** Directions of a connection, as index: who opened it is the client. */
export const TO_SERVER = 0;
export const TO_CLIENT = 1;

/** What happened to the bytes of one direction. Only ever added to. */
export class DirectionNews {
  /** Payload bytes handed on in order, and those that sequence numbers prove were sent but that the capture does not have. */
  delivered = 0;
  lost = 0;
  /** Payload bytes sent again, and those that came late because the network changed their order. */
  retransmitted = 0;
  outOfOrder = 0;
  /** Time for which the receiver of this direction let nothing come (window 0), ns. */
  zeroWindowNs = 0;
  /** Connections that a RST in this direction ended. */
  resets = 0;
}

/**
 * What happened on one TCP connection since it was told last, for a `TcpListener`. Lent for one call. Addresses as in Packet: four
 * signed words, IPv4 in word 3.
 */
export class TcpNews {
  ipVersion = 4;
  client0 = 0;
  client1 = 0;
  client2 = 0;
  client3 = 0;
  server0 = 0;
  server1 = 0;
  server2 = 0;
  server3 = 0;
  serverPort = 0;
  /** Where the connection was captured, as `Packet.device`. */
  device = 0;
  /** Each 0 or 1: the handshake came to its end; a RST answered the SYN; nothing came of the SYN for long. */
  opened = 0;
  refused = 0;
  timedOut = 0;
  /** From the first SYN to the ACK that ended the handshake, ns; NaN when one of them was not seen. */
  handshakeNs = Number.NaN;
  readonly directions: [toServer: DirectionNews, toClient: DirectionNews] = [new DirectionNews(), new DirectionNews()];
  /** Time of the connection's first packet and of its last one so far. */
  firstNs = 0;
  lastNs = 0;
}

/** Hears of every TCP connection at its end, and about once a second of packet time while it lasts. */
export interface TcpListener {
  told(news: TcpNews): void;
}
