/** What this protocol could not read, of all connections. */
export class MysqlCounters {
  /** Compressed packets that were too large to be decompressed. */
  packedTooLarge = 0;
  /** Compressed packets whose content is not what they say. */
  packedUnreadable = 0;
  /** Commands for prepared statements whose text was not seen, or forgotten. */
  unknownStatements = 0;
}

export const COUNTERS = new MysqlCounters();
