/** What Kafka's broker has logged of its requests, as rows of what a capture of them holds. Frames and times are tshark's. */
import assert from 'node:assert/strict';
import { must } from '../e2e/program.ts';
import type { Transaction } from '../e2e/transactions.ts';
import type { Logged } from './kafka-broker.ts';

/** A message as tshark sees it: its first and its last frame. */
interface Message {
  readonly frame: number;
  readonly lastFrame: number;
  /** Seconds since the epoch, of the first frame. */
  readonly start: string;
  readonly client: string;
  readonly server: string;
  readonly isRequest: boolean;
  readonly id: number;
  /** -1: of a response. */
  readonly apiKey: number;
  readonly error: string;
}

/** One row, with what the log says beside what every protocol has. */
export interface Row extends Transaction {
  readonly response_end_frame: number | null;
  readonly no_response_expected?: boolean;
  readonly correlation_id: number;
  readonly api_version?: number;
  readonly client_id?: string;
  /** The one topic that request (or, where a session goes on, response) speaks of; '' for none or several. */
  readonly topic?: string;
  readonly group?: string;
}

const nanoseconds = (epoch: string): bigint => BigInt(epoch.replace('.', ''));

async function messagesIn(pcap: string, ports: readonly number[]): Promise<Message[]> {
  const fields = ['frame.number', 'frame.time_epoch', 'ip.src', 'tcp.srcport', 'ip.dst', 'tcp.dstport', 'tcp.segment'];
  const named = ['kafka.correlation_id', 'kafka.api_key', 'kafka.error'];
  const print = [...fields, ...named].flatMap((f) => ['-e', f]);
  const decode = ports.flatMap((port) => ['-d', `tcp.port==${port},kafka`]);
  const text = await must(['tshark', '-n', '-r', pcap, ...decode, '-T', 'fields', ...print]);
  const times = new Map<number, string>();
  const messages: Message[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const [frame, time, from, fromPort, to, toPort, segments, ids, keys, errors] = line.split('\t') as string[];
    times.set(Number(frame), time!);
    if (!ids) continue;
    const isRequest = ports.includes(Number(toPort));
    const ends = [`${from}:${fromPort}`, `${to}:${toPort}`];
    const [client, server] = isRequest ? ends : ends.reverse();
    const apiKeys = keys!.split(',');
    ids.split(',').forEach((id, i) => {
      const first = i === 0 && segments ? Number(segments.split(',')[0]) : Number(frame);
      messages.push({
        frame: first,
        lastFrame: Number(frame),
        start: times.get(first)!,
        client: client!,
        server: server!,
        isRequest,
        id: Number(id),
        apiKey: isRequest ? Number(apiKeys[i]) : -1,
        error: errors!.split(',').find((code) => Number(code) !== 0) ?? '0',
      });
    });
  }
  return messages;
}

/** PRODUCE, LIST_OFFSETS: Produce, ListOffsets. */
const apiName = (constant: string): string =>
  constant
    .split('_')
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join('');

/** What happens before the log: authentication, and envelopes. */
const UNLOGGED: Readonly<Record<number, string>> = {
  17: 'SaslHandshake',
  18: 'ApiVersions',
  36: 'SaslAuthenticate',
  58: 'Envelope',
};

/** The first code that is none of success, in the order of the fields. */
const errorIn = (response: object): string =>
  [...JSON.stringify(response).matchAll(/rrorCode":(-?\d+)/g)].map(([, code]) => code!).find((code) => code !== '0') ??
  '0';

/** Names of topics by their ids, as the log tells them. */
function namesIn(logged: readonly Logged[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const [, name, id] of JSON.stringify(logged).matchAll(/"name":"([^"]+)","topicId":"([^"]+)"/g))
    names.set(id!, name!);
  return names;
}

/** APIs whose requests name topics, and the list that does so. */
const TOPICS: Readonly<Record<string, string>> = {
  PRODUCE: 'topicData',
  FETCH: 'topics',
  LIST_OFFSETS: 'topics',
  METADATA: 'topics',
  OFFSET_COMMIT: 'topics',
  CREATE_TOPICS: 'topics',
  TXN_OFFSET_COMMIT: 'topics',
  SHARE_FETCH: 'topics',
  SHARE_ACKNOWLEDGE: 'topics',
  DESCRIBE_TOPIC_PARTITIONS: 'topics',
  DELETE_RECORDS: 'topics',
};

interface Named {
  readonly name?: string;
  readonly topic?: string;
  readonly topicId?: string;
}

function topicOf(l: Logged, names: ReadonlyMap<string, string>): string | undefined {
  const list = TOPICS[l.requestHeader.requestApiKeyName];
  if (list === undefined) return undefined;
  const request = l.request as Record<string, unknown>;
  const goesOn = Number(request.sessionEpoch ?? request.shareSessionEpoch ?? 0) > 0;
  const told = goesOn ? (l.response as Record<string, unknown>).responses : request[list];
  const topics = ((told ?? []) as Named[]).map((t) => t.name ?? t.topic ?? names.get(t.topicId ?? '') ?? '');
  const several = new Set(topics);
  return several.size === 1 ? topics[0]! : '';
}

/** Rows of all requests to these ports that stand in the capture. */
export async function rowsIn(pcap: string, ports: readonly number[], logged: readonly Logged[]): Promise<Row[]> {
  const messages = await messagesIn(pcap, ports);
  const names = namesIn(logged);
  // what came within an envelope is logged as if it had come alone
  // ports are used again: of connections between the same ends the earlier one was logged first
  const log = Map.groupBy(
    logged.filter((l) => !l.isForwarded),
    (l) => {
      const [, server, client] = /^([\d.]+:\d+)-([\d.]+:\d+)-/.exec(l.connection)!;
      return `${client} ${server} ${l.requestHeader.correlationId}`;
    },
  );
  const rows: Row[] = [];
  for (const m of messages.filter((o) => o.isRequest)) {
    const found = log.get(`${m.client} ${m.server} ${m.id}`)?.shift();
    if (found === undefined && UNLOGGED[m.apiKey] === undefined) continue; // no message: a token
    const oneWay = (found?.request as { acks?: number } | undefined)?.acks === 0; // the log has a response of these, too
    const answer = messages.find(
      (o) => !o.isRequest && o.client === m.client && o.server === m.server && o.id === m.id && o.frame > m.frame,
    );
    const response = oneWay ? undefined : answer;
    if (!oneWay) assert.ok(response !== undefined, `an answer to ${m.client} ${m.id}`);
    const h = found?.requestHeader;
    const status = response === undefined ? null : found === undefined ? response.error : errorIn(found.response);
    const topic = found === undefined ? undefined : topicOf(found, names);
    const group = (found?.request as { groupId?: string } | undefined)?.groupId;
    rows.push({
      protocol: 'kafka',
      client: m.client,
      server: m.server,
      request_frame: m.frame,
      response_frame: response?.frame ?? null,
      response_end_frame: response?.lastFrame ?? null,
      start: m.start,
      duration_ms: response === undefined ? null : Number(nanoseconds(response.start) - nanoseconds(m.start)) / 1e6,
      operation: h === undefined ? UNLOGGED[m.apiKey]! : apiName(h.requestApiKeyName),
      status,
      error: status === null ? null : status !== '0',
      ...(oneWay ? { no_response_expected: true } : {}),
      correlation_id: m.id,
      ...(h === undefined ? {} : { api_version: h.requestApiVersion, client_id: h.clientId }),
      ...(topic === undefined ? {} : { topic }),
      ...(group === undefined ? {} : { group }),
    });
  }
  return rows;
}
