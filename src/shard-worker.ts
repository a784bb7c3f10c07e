/** Entry of a capture thread: one Shard, questions answered between batches of packets. */

import { parentPort, workerData } from 'node:worker_threads';
import { SpantapError } from './self/errors.ts';
import { Shard, type ShardOptions } from './shard.ts';
import type { FromShard, ToShard } from './shard-host.ts';

const port = parentPort!;
const tell = (message: FromShard, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

function answer(shard: Shard, m: ToShard): unknown {
  switch (m.question) {
    case 'readings':
      return shard.readings();
    case 'metrics':
      return shard.metrics();
    case 'ignore':
      return shard.ignore(m.endpoint);
    case 'unignore':
      return shard.unignore(m.endpoint);
    case 'close':
      return shard.close();
  }
}

try {
  const shard = new Shard(workerData as ShardOptions, {
    spans: ({ bytes, spans }) => {
      // A buffer of its own can be moved instead of copied.
      const own = bytes.byteLength === bytes.buffer.byteLength;
      tell({ type: 'spans', bytes, spans }, own ? [bytes.buffer as ArrayBuffer] : []);
    },
    captureFailed: ({ code, message }) => tell({ type: 'captureFailed', code, message }),
  });
  port.on('message', (m: ToShard) => {
    tell({ type: 'answer', id: m.id, value: answer(shard, m) });
  });
  tell({ type: 'open', state: shard.state });
} catch (error) {
  if (!(error instanceof SpantapError)) throw error;
  tell({ type: 'refused', code: error.code, message: error.message });
}
