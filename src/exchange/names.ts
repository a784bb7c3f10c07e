/** Takes names that the wire told for an address (answers of DNS). Addresses as in Packet: four signed words, IPv4 in word 3. */
export interface NameSink {
  /** `ttlSec`: for how long the answer may be believed, from `nowNs` of packet time on. */
  learn(
    ipVersion: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    name: string,
    ttlSec: number,
    nowNs: number,
  ): void;
}
