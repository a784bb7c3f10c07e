import { addressText, endpointText } from '../bytes/address.ts';
import { Ends } from '../exchange/exchange.ts';
import type { Packet } from '../packet/packet.ts';

/** Side 0 sent the first packet that was seen of a flow, side 1 is the other. */
export type Side = 0 | 1;

/** Two endpoints that exchange packets: a TCP connection or a UDP conversation. */
export class Flow {
  hash = 0;
  version = 0;
  a0 = 0;
  a1 = 0;
  a2 = 0;
  a3 = 0;
  aPort = 0;
  b0 = 0;
  b1 = 0;
  b2 = 0;
  b3 = 0;
  bPort = 0;
  /** Index in the flow table's list. */
  place = 0;
  /** Capture time of its last packet. */
  lastNs = Number.NaN;

  constructor(p: Packet, hash: number) {
    this.meet(p, hash);
  }

  /** The two endpoints of the packet: who sent it is side 0. Not while the record stands in a flow table. */
  meet(p: Packet, hash: number): void {
    this.hash = hash;
    this.version = p.ipVersion;
    this.a0 = p.src0;
    this.a1 = p.src1;
    this.a2 = p.src2;
    this.a3 = p.src3;
    this.aPort = p.srcPort;
    this.b0 = p.dst0;
    this.b1 = p.dst1;
    this.b2 = p.dst2;
    this.b3 = p.dst3;
    this.bPort = p.dstPort;
    this.lastNs = p.timeNs;
  }

  ends(clientSide: Side): Ends {
    const e = new Ends();
    e.ipVersion = this.version;
    const aIsClient = clientSide === 0;
    e.client0 = aIsClient ? this.a0 : this.b0;
    e.client1 = aIsClient ? this.a1 : this.b1;
    e.client2 = aIsClient ? this.a2 : this.b2;
    e.client3 = aIsClient ? this.a3 : this.b3;
    e.clientPort = aIsClient ? this.aPort : this.bPort;
    e.server0 = aIsClient ? this.b0 : this.a0;
    e.server1 = aIsClient ? this.b1 : this.a1;
    e.server2 = aIsClient ? this.b2 : this.a2;
    e.server3 = aIsClient ? this.b3 : this.a3;
    e.serverPort = aIsClient ? this.bPort : this.aPort;
    return e;
  }

  port(side: Side): number {
    return side === 0 ? this.aPort : this.bPort;
  }

  key(side: Side): string {
    const text =
      side === 0
        ? addressText(this.version, this.a0, this.a1, this.a2, this.a3)
        : addressText(this.version, this.b0, this.b1, this.b2, this.b3);
    return endpointText(this.version, text, this.port(side));
  }
}
