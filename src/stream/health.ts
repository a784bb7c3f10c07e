/** How TCP fares on a connection, whatever is spoken on it: handshake, resets, bytes sent again, closed windows, what the capture lost. */

import { type DirectionNews, type TcpListener, TcpNews, TO_CLIENT, TO_SERVER } from '../exchange/tcp-news.ts';
import { ACK, FIN, type Packet, RST, SYN } from '../packet/packet.ts';
import type { Connection } from './connection.ts';
import type { StreamCounters } from './counters.ts';
import type { Side } from './flow.ts';
import type { Half } from './half.ts';

/** How far a handshake has come. SETTLED: it is over, or its beginning was not seen. */
export const SETTLED = 0;
export const SYN_SENT = 1;
export const SYN_ANSWERED = 2;

/** Device of a half that has sent nothing yet. */
export const NOWHERE = -1;

/**
 * Nothing is told of a connection that is younger, unless it is forgotten: the agent's own connections are announced within
 * milliseconds, but their first packets may have been faster.
 */
const YOUNG_NS = 1e9;
/** A jump further than this proves nothing (as in tcp.ts). */
const MAX_JUMP = 1 << 28;

/** Counts on the connection itself, so that a packet costs a few additions, and tells a listener from time to time. */
export class Health {
  readonly #counters: StreamCounters;
  readonly #listener: TcpListener | null;
  readonly #news = new TcpNews();

  constructor(counters: StreamCounters, listener: TcpListener | null) {
    this.#counters = counters;
    this.#listener = listener;
  }

  /** A packet that is not quite usual. False: it counts for nothing here. */
  attend(c: Connection, side: Side, half: Half, peer: Half, p: Packet): boolean {
    const counts = half.device === p.device || this.#elsewhere(c, half, p);
    if ((p.flags & RST) !== 0) return counts;
    if (c.handshake !== SETTLED || (p.flags & SYN) !== 0) this.#shake(c, side, p);
    if (half.shut && counts && p.window > 0) this.#openWindow(half, peer, p.timeNs);
    c.attentive = c.handshake !== SETTLED || half.shut || peer.shut;
    return counts;
  }

  /** A SYN, or any packet while the handshake goes on. */
  #shake(c: Connection, side: Side, p: Packet): void {
    const { flags } = p;
    if ((flags & SYN) !== 0) {
      if ((flags & ACK) === 0) this.#syn(c, side, p.timeNs);
      else if (c.opener === -1) {
        c.opener = side === 0 ? 1 : 0;
        c.handshake = SYN_ANSWERED;
      } else if (c.handshake === SYN_SENT && side !== c.opener) c.handshake = SYN_ANSWERED;
      return;
    }
    if (side === c.opener) {
      // Whatever acknowledges the server's SYN proves that it came. At a FIN the handshake's own ACK was long ago, and missed.
      if ((flags & ACK) !== 0) this.#opened(c, (flags & FIN) === 0 ? p.timeNs : Number.NaN);
    } else if (p.payloadLength > 0 || (flags & FIN) !== 0) {
      this.#opened(c, Number.NaN); // a server that speaks has had the client's ACK
    }
  }

  #syn(c: Connection, side: Side, timeNs: number): void {
    if (c.opener === -1) {
      c.opener = side;
      c.handshake = SYN_SENT;
    }
    if (c.handshake === SETTLED || c.opener !== side) return;
    if (Number.isNaN(c.synNs)) c.synNs = timeNs;
    c.lastSynNs = timeNs;
  }

  #opened(c: Connection, timeNs: number): void {
    c.handshake = SETTLED;
    c.opened = 1;
    const tookNs = timeNs - c.synNs;
    if (!(tookNs >= 0)) return; // NaN as well
    c.handshakeNs = tookNs;
    c.roundTripNs = timeNs - c.lastSynNs;
  }

  /** The RST from `side` was believed. */
  reset(c: Connection, side: Side, half: Half): void {
    if (c.handshake === SYN_SENT && side !== c.opener) c.refused = 1;
    else half.resets++;
    c.handshake = SETTLED;
  }

  /**
   * A packet of `half` was captured elsewhere than its first one. True: it is the first one. False: it is a copy of what its own
   * device has shown or will show, or took another way; it counts for nothing here.
   */
  #elsewhere(c: Connection, half: Half, p: Packet): boolean {
    if (half.device === NOWHERE) {
      half.device = p.device;
      return true;
    }
    if (!c.copied) {
      c.copied = true;
      c.half0.shownSeq = c.half0.farthestSeq();
      c.half1.shownSeq = c.half1.farthestSeq();
    }
    return false;
  }

  /**
   * Of a segment that the streams have had before: how many of its bytes the half's own device has shown before, too. The others are
   * no retransmission, only a copy that was slower.
   */
  shownBefore(half: Half, p: Packet, endSeq: number, bytes: number): number {
    if (p.device !== half.device) return 0;
    const news = (endSeq - half.shownSeq) | 0;
    if (news > 0) half.shownSeq = endSeq;
    return news <= 0 ? bytes : Math.max(0, bytes - news);
  }

  /**
   * What a segment brought that was not the next one: bytes that were there before, and others that came behind later ones. `farthest`:
   * where the bytes ended that were at hand before it.
   */
  late(c: Connection, half: Half, p: Packet, seq: number, farthest: number): void {
    const had = p.payloadLength - half.fresh;
    if (had > 0) this.again(c, half, p, seq, had);
    else if (c.copied) this.shownBefore(half, p, (seq + p.payloadLength) | 0, 0);
    const ahead = (farthest - seq) | 0;
    if (ahead <= 0) return;
    const late = half.fresh - Math.max(0, p.payloadLength - ahead);
    if (late <= 0) return;
    // Sent again, it comes a round trip after what showed that it was missing, or later.
    const behind = half.behind((seq + late) | 0);
    if (behind !== null && p.timeNs - behind.timeNs < c.roundTripNs) half.outOfOrder += late;
    else half.retransmitted += late;
  }

  /** `bytes` of a segment were there before: sent again, unless another device showed them. */
  again(c: Connection, half: Half, p: Packet, seq: number, bytes: number): void {
    const again = c.copied ? this.shownBefore(half, p, (seq + p.payloadLength) | 0, bytes) : bytes;
    if (again === 0) return;
    half.retransmitted += again;
    c.weather.retransmissions++;
    this.#counters.retransmittedSegments++;
  }

  /** A packet without payload whose number lies ahead of all that was delivered of `half`. */
  proof(half: Half, p: Packet): void {
    if (!half.started || (p.flags & (SYN | RST)) !== 0) return;
    half.proven = true;
    half.provenSeq = p.seq;
  }

  /** The sender of `half` has no room. */
  zeroWindow(c: Connection, half: Half, nowNs: number): void {
    c.weather.zeroWindows++;
    this.#counters.zeroWindows++;
    if (half.shut) return;
    c.attentive = true;
    half.shut = true;
    half.shutNs = nowNs;
  }

  #openWindow(half: Half, peer: Half, nowNs: number): void {
    half.shut = false;
    if (nowNs > half.shutNs) peer.zeroWindowNs += nowNs - half.shutNs;
  }

  /** The connection is over, before anything of it is let go: what was sent and will not come any more, and windows never opened. */
  over(c: Connection, gaveUp: boolean, nowNs: number): void {
    if (gaveUp && c.handshake !== SETTLED && !Number.isNaN(c.synNs)) c.timedOut = 1;
    c.handshake = SETTLED;
    this.#close(c.half0, c.half1, nowNs);
    this.#close(c.half1, c.half0, nowNs);
  }

  #close(half: Half, peer: Half, nowNs: number): void {
    if (half.shut) this.#openWindow(half, peer, nowNs);
    if (!half.started) return;
    half.lost += missingAtEnd(half, peer);
    if (half.doubtSeq === null) return;
    const wasFin = half.finSeen ? ((half.finSeq + 1) | 0) === half.doubtSeq : peer.finSeen;
    if (!wasFin || (!half.ended && half.nextSeq !== half.doubtSeq)) half.lost++;
    half.doubtSeq = null;
  }

  /** Tells what there is to tell. `last`: the connection is forgotten. False: there may be more without another packet. */
  tell(c: Connection, nowNs: number, last: boolean): boolean {
    if (this.#listener === null) return true;
    if (!last) {
      if (nowNs - c.firstNs < YOUNG_NS) return false;
      this.#upToNow(c.half0, c.half1, nowNs);
      this.#upToNow(c.half1, c.half0, nowNs);
    }
    const lasting = c.half0.shut || c.half1.shut;
    if ((c.opened | c.refused | c.timedOut) === 0 && !moved(c.half0) && !moved(c.half1)) return !lasting;
    const n = this.#news;
    this.#parties(c, n);
    n.opened = c.opened;
    n.refused = c.refused;
    n.timedOut = c.timedOut;
    n.handshakeNs = c.handshakeNs;
    n.firstNs = c.firstNs;
    n.lastNs = c.lastNs;
    this.#listener.told(n);
    c.opened = 0;
    c.refused = 0;
    c.timedOut = 0;
    c.handshakeNs = Number.NaN;
    clear(c.half0);
    clear(c.half1);
    return !lasting;
  }

  /** A window that stays shut counts second by second; a byte in doubt is none any more when others have followed it. */
  #upToNow(half: Half, peer: Half, nowNs: number): void {
    if (half.shut && nowNs > half.shutNs) {
      peer.zeroWindowNs += nowNs - half.shutNs;
      half.shutNs = nowNs;
    }
    if (half.doubtSeq !== null && half.doubtSeq !== half.nextSeq && !half.ended) {
      half.lost++;
      half.doubtSeq = null;
    }
  }

  #parties(c: Connection, n: TcpNews): void {
    const client = clientOf(c);
    const a = client === 0;
    n.ipVersion = c.version;
    n.client0 = a ? c.a0 : c.b0;
    n.client1 = a ? c.a1 : c.b1;
    n.client2 = a ? c.a2 : c.b2;
    n.client3 = a ? c.a3 : c.b3;
    n.server0 = a ? c.b0 : c.a0;
    n.server1 = a ? c.b1 : c.a1;
    n.server2 = a ? c.b2 : c.a2;
    n.server3 = a ? c.b3 : c.a3;
    n.serverPort = a ? c.bPort : c.aPort;
    n.device = c.device;
    n.directions[TO_SERVER] = a ? c.half0 : c.half1;
    n.directions[TO_CLIENT] = a ? c.half1 : c.half0;
  }
}

/** Who opened it; else who asks in the protocol that was found; else who has the higher port, for servers have the low ones. */
function clientOf(c: Connection): Side {
  if (c.opener !== -1) return c.opener;
  if (c.clientSide !== -1) return c.clientSide;
  return c.aPort < c.bPort ? 1 : 0;
}

/** Bytes that were sent, and that the capture has shown too late or never. */
function missingAtEnd(half: Half, peer: Half): number {
  if (half.ended) return 0;
  let endSeq = half.farthestSeq();
  if (half.proven && ((half.provenSeq - endSeq) | 0) > 0) endSeq = half.provenSeq;
  if (half.missing && ((half.ackedSeq - endSeq) | 0) > 0) {
    // the last number may be that of a FIN, which the other side's FIN makes likely
    endSeq = !half.finSeen && peer.finSeen ? (half.ackedSeq - 1) | 0 : half.ackedSeq;
  }
  if (half.finSeen) endSeq = half.finSeq;
  const bytes = (endSeq - half.nextSeq) | 0;
  return bytes > 0 && bytes <= MAX_JUMP ? bytes : 0;
}

function moved(n: DirectionNews): boolean {
  return n.delivered > 0 || n.lost > 0 || n.retransmitted > 0 || n.outOfOrder > 0 || n.zeroWindowNs > 0 || n.resets > 0;
}

function clear(n: DirectionNews): void {
  n.delivered = 0;
  n.lost = 0;
  n.retransmitted = 0;
  n.outOfOrder = 0;
  n.zeroWindowNs = 0;
  n.resets = 0;
}
