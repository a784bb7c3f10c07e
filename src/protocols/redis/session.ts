/** What lasts longer than one exchange on a connection. */

/** Whether the server answers (CLIENT REPLY). */
export const ANSWERING = 0;
export const SILENT = 1;
/** It was silent, and then requests were lost: nobody knows. */
export const DOUBTFUL = 2;

/** SYNC and PSYNC: from then on the master feeds commands to its replica, and nothing is an answer. */
export const NO_FEED = 0;
export const FEED_ASKED = 1;
export const FEED = 2;

export const UNKNOWN = -1;

/** The index of a database as text. Redis has 16 unless configured otherwise. */
const DATABASES = Array.from({ length: 64 }, (_, i) => String(i));
export const databaseName = (index: number): string => DATABASES[index] ?? (index < 0 ? '' : String(index));

export class Session {
  replies = ANSWERING;
  /** CLIENT REPLY SKIP: the next command is not answered. */
  skipNext = false;
  feed = NO_FEED;
  /** Between MULTI and EXEC. */
  transaction = false;
  /** The server speaks RESP3: what it says unasked says so. */
  resp3 = false;
  /**
   * The database that the server works on behind the last reply that was seen. Known: 0 at the beginning, and after
   * each SELECT.
   */
  database = 0;
  /** SELECTs whose answer will not be seen: what an older one in flight selects does not last. */
  lostSelects = 0;
  /** Channels and patterns subscribed to behind the last acknowledgement. */
  channels = 0;
  patterns = 0;
  /** It is certain who is the server. */
  proven = true;

  /** CLIENT REPLY with that mode was said while the server was silent or not; whether it is answered. */
  turn(mode: string, silent: boolean): boolean {
    if (mode !== 'ON' && mode !== 'OFF' && mode !== 'SKIP') return !silent; // a mistake
    if (this.transaction) {
      this.feed = FEED; // EXEC will break off its array in the middle: nothing behind it can be followed
      return !silent;
    }
    if (mode === 'SKIP') this.skipNext = this.replies !== SILENT;
    else this.replies = mode === 'ON' ? ANSWERING : SILENT;
    return mode === 'ON';
  }

  /** Replies were lost. */
  forgetReplies(): void {
    this.forgetDatabase();
    this.channels = UNKNOWN;
    this.patterns = UNKNOWN;
  }

  /** Requests were lost, or the connection was joined midway. */
  forget(): void {
    this.forgetReplies();
    if (this.replies === SILENT) this.replies = DOUBTFUL;
    this.skipNext = false;
  }

  forgetDatabase(): void {
    this.database = UNKNOWN;
    this.lostSelects++;
  }

  /** RESET was answered: the connection is as new. */
  reset(): void {
    this.database = 0;
    this.channels = 0;
    this.patterns = 0;
    this.resp3 = false;
  }

  /** Subscribed: RESP2 messages may come at any time. */
  get subscribed(): boolean {
    return this.channels !== 0 || this.patterns !== 0;
  }

  /**
   * An acknowledgement of kind `nth` in SUBSCRIPTIONS came with the number of subscriptions that are left, shard
   * channels apart. True: if it answers a command without channels, it was the last one. Null: that cannot be said.
   */
  acknowledged(nth: number, total: number): boolean | null {
    if (nth >= 4) return total === 0; // shard channels are counted on their own
    if (total === 0) {
      this.channels = 0;
      this.patterns = 0;
      return true;
    }
    const ofPatterns = nth >= 2;
    const others = ofPatterns ? this.channels : this.patterns;
    if (others === UNKNOWN) return null;
    if (ofPatterns) this.patterns = total - others;
    else this.channels = total - others;
    return total === others;
  }
}

/** What an exchange needs besides its record. */
export class RedisDetail {
  /** Database that a SELECT asks for; UNKNOWN: none. */
  database = UNKNOWN;
  /** `Session.lostSelects` when it was asked. */
  lostSelects = 0;
  /** Acknowledgements that a subscription waits for; UNKNOWN: as many as there were subscriptions. */
  channels = UNKNOWN;
  /** CLIENT REPLY: nothing answers it, but what was asked before waits for its answer still. */
  silent = false;
}
