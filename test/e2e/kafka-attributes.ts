/** What rows of recorded connections of Kafka say beside what every protocol's have: the broker's own log does. */
import assert from 'node:assert/strict';
import { identity, type Line, type Transaction } from './transactions.ts';

interface Recorded extends Transaction {
  /** The one topic that is spoken of; '' for none or several. */
  readonly topic?: string;
  readonly group?: string;
  readonly client_id?: string;
  readonly api_version?: number;
}

interface Found extends Line {
  readonly attributes: Readonly<Record<string, string | number>>;
}

const ATTRIBUTES = {
  topic: 'messaging.destination.name',
  group: 'messaging.consumer.group.name',
  client_id: 'messaging.client.id',
  api_version: 'spantap.kafka.api_version',
} as const;

/** Of every row that says more, the attributes are what it says. */
export function compareAttributes(found: readonly Line[], rows: readonly Transaction[]): void {
  const lines = new Map((found as Found[]).map((l) => [identity(l, true), l.attributes]));
  for (const row of rows as Recorded[]) {
    for (const [key, attribute] of Object.entries(ATTRIBUTES)) {
      const told = row[key as keyof typeof ATTRIBUTES];
      if (told === undefined) continue;
      assert.equal(lines.get(identity(row, true))![attribute] ?? '', told, `${identity(row, true)}: ${attribute}`);
    }
  }
}
