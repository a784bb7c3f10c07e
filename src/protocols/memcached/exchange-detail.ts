/** What memcached adds to an exchange. */
export class MemcachedDetail {
  /** What the answer must be one of: a kind of command. */
  readonly kind: number;
  /** Opcode of the binary protocol, -1 in text. */
  readonly opcode: number;
  /** Answered only when there is something to say. */
  readonly quiet: boolean;
  /**
   * Opaque value, or a hash of the key or of what a quiet meta command has sent back to it; NO_TAG: its answer cannot be told from
   * others.
   */
  readonly tag: number;
  /**
   * Statuses (bits by number) that may as well answer one of the silent commands in front of this one: what is
   * ambiguous is not paired.
   */
  readonly fog: number;
  /** Keys asked for, and values that came. */
  keys = 0;
  values = 0;

  constructor(kind: number, opcode: number, quiet: boolean, tag: number, fog: number) {
    this.kind = kind;
    this.opcode = opcode;
    this.quiet = quiet;
    this.tag = tag;
    this.fog = fog;
  }
}

export const NO_TAG = -1;
export const TEXT = -1;
/** Without its texts. */
export const DETAIL_BYTES = 80;
