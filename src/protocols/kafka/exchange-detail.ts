import type { MessageContext } from '../../exchange/messaging.ts';

/** `Exchange.status` when a response came, but what it says was not seen or cannot be read: below every error code (int16). */
export const UNTOLD = -0x8001;

/** `KafkaDetail.partition` when there is none, and when there are several. */
export const NO_PARTITION = -1;
export const SEVERAL = -2;

/** What Kafka adds to an exchange. */
export class KafkaDetail {
  readonly apiKey: number;
  readonly apiVersion: number;
  clientId = '';
  /** '' also when the request speaks of several. */
  group = '';
  transactionalId = '';
  partition = NO_PARTITION;
  /** What was sent or fetched; -1: not counted. */
  messages = -1;
  /** Of the record batches: 0 none, then gzip, snappy, lz4, zstd. */
  compression = 0;
  /** A Fetch or ShareFetch that goes on with what an earlier one of its session asked for (KIP-227, KIP-932): only the response tells the topics. */
  incremental = false;
  /** Topics told so far: none, one, several (2). */
  topics = 0;
  groups = 0;
  context: MessageContext | null = null;

  constructor(apiKey: number, apiVersion: number) {
    this.apiKey = apiKey;
    this.apiVersion = apiVersion;
  }
}

/** Memory of a KafkaDetail without its texts, and of a trace context. */
const DETAIL_BYTES = 120;
const CONTEXT_BYTES = 300;

/** What it takes, at up to two bytes a character. */
export function detailBytes(d: KafkaDetail): number {
  const texts = d.clientId.length + d.group.length + d.transactionalId.length;
  return DETAIL_BYTES + 2 * texts + (d.context === null ? 0 : CONTEXT_BYTES);
}
