/** A worker thread that captures, for the tests: tells `open`, then for each batch the texts of its datagrams. */

import { parentPort, workerData } from 'node:worker_threads';
import { type LiveOptions, openLive } from '../../src/capture/live.ts';
import { textOf } from './packets.ts';

let texts: string[] = [];
const handler = {
  frame: (buf: Buffer, start: number, end: number): void => {
    texts.push(textOf(buf, start, end));
  },
};
const capture = openLive(workerData as LiveOptions, handler, () => {
  parentPort!.postMessage(texts);
  texts = [];
});
parentPort!.on('message', () => {
  capture.close();
  parentPort!.close();
});
parentPort!.postMessage('open');
