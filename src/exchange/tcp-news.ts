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
 * Between whom a connection is, and where it was captured (`Packet.device`). Addresses as in Packet: four signed words, IPv4 in
 * word 3.
 */
export class TcpParties {
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
  device = 0;

  sameAs(n: TcpParties): boolean {
    return (
      this.client3 === n.client3 &&
      this.server3 === n.server3 &&
      this.serverPort === n.serverPort &&
      this.device === n.device &&
      this.client2 === n.client2 &&
      this.server2 === n.server2 &&
      this.client1 === n.client1 &&
      this.server1 === n.server1 &&
      this.client0 === n.client0 &&
      this.server0 === n.server0 &&
      this.ipVersion === n.ipVersion
    );
  }

  become(n: TcpParties): void {
    this.ipVersion = n.ipVersion;
    this.client0 = n.client0;
    this.client1 = n.client1;
    this.client2 = n.client2;
    this.client3 = n.client3;
    this.server0 = n.server0;
    this.server1 = n.server1;
    this.server2 = n.server2;
    this.server3 = n.server3;
    this.serverPort = n.serverPort;
    this.device = n.device;
  }
}

/** What happened on one TCP connection since it was told last, for a `TcpListener`. Lent for one call. */
export class TcpNews extends TcpParties {
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
