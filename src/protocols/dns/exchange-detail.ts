/** Without its texts, and with room for a few addresses that the answer brings. */
export const DETAIL_BYTES = 512;

/** What DNS adds to an exchange. Filled only when details are wanted. */
export class DnsDetail {
  readonly tcp: boolean;
  readonly opcode: number;
  /** Of the first question; 0 when there was none. */
  readonly type: number;
  /** When the request was sent last. */
  askedNs: number;
  /** The answer did not fit (TC): the client will ask again, over TCP. */
  truncated = false;
  /** Addresses and names of the answer section. */
  answers: readonly string[] = [];

  constructor(tcp: boolean, opcode: number, type: number, askedNs: number) {
    this.tcp = tcp;
    this.opcode = opcode;
    this.type = type;
    this.askedNs = askedNs;
  }
}
