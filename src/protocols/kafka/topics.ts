import { Words } from '../../bytes/words.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Table } from '../protocol.ts';
import { type KafkaDetail, NO_PARTITION, SEVERAL } from './exchange-detail.ts';

const WORDS = new Words();

/** Stands for a name where two were told, one of which cannot be true. */
const DISPUTED = '';

/** Topics, groups and client ids come again and again. */
export const textOf = (buf: Buffer, from: number, to: number): string => WORDS.text(buf, from, to);

/**
 * Names of topics by their ids (16 bytes), as answers to Metadata have told them on whatever connection: an id is unique in the
 * world, and stands for one name as long as the topic lives (KIP-516).
 */
export class TopicNames {
  readonly #names: Table<string>;

  constructor(names: Table<string>) {
    this.#names = names;
  }

  /** '' when nobody told it. */
  of(buf: Buffer, from: number): string {
    return this.#names.size === 0 ? '' : (this.#names.get(buf.toString('latin1', from, from + 16)) ?? '');
  }

  learn(buf: Buffer, from: number, name: string): void {
    const id = buf.toString('latin1', from, from + 16);
    const known = this.#names.get(id);
    if (name === '' || known === name || known === DISPUTED) return;
    this.#names.set(id, known === undefined ? name : DISPUTED, 32 + 2 * name.length);
  }
}

/** The message speaks of that topic: `Exchange.target` is the one topic, '' when there are several or its name is not known. */
export function tellTopic(x: Exchange, d: KafkaDetail, name: string): void {
  if (d.topics === 0) {
    d.topics = 1;
    x.target = name;
  } else if (x.target !== name) {
    d.topics = 2;
    x.target = '';
  }
}

export function tellPartition(d: KafkaDetail, partition: number): void {
  if (d.partition === NO_PARTITION) d.partition = partition;
  else if (d.partition !== partition) d.partition = SEVERAL;
}
