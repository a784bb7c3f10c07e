import { http2 } from '../../src/protocols/http2/index.ts';
import { losses } from '../kit/losses.ts';
import { DATA, END_HEADERS, END_STREAM, Encoder, frame, HEADERS } from './http2-wire.ts';

const plain = new Encoder();
const STATUSES = ['200', '204', '206', '304', '400', '404', '500'];
/** Requests of one connection follow each other in the order of their numbers: 50 of each. */
const streamOf = (id: number): number => 2 * (id % 50) + 1;

/** Requests and responses of one to four segments, without references to the dynamic table. */
losses(http2, {
  request(id, random) {
    const filler = random.chance(0.2) ? 'x'.repeat(random.between(500, 1500)) : '';
    const block = plain.block([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', `/item/${id}`],
      [':authority', 'shop.example'],
      ['x-filler', filler],
    ]);
    return frame(HEADERS, END_HEADERS | END_STREAM, streamOf(id), block);
  },
  response(id, random) {
    const body = Buffer.alloc(random.chance(0.3) ? random.between(1000, 2000) : random.below(200), 'b');
    const head = frame(HEADERS, END_HEADERS, streamOf(id), plain.block([[':status', STATUSES[id % 7]!]]));
    const half = body.length >> 1;
    return Buffer.concat([
      head,
      frame(DATA, 0, streamOf(id), body.subarray(0, half)),
      frame(DATA, END_STREAM, streamOf(id), body.subarray(half)),
    ]);
  },
  status: (id) => Number(STATUSES[id % 7]),
  asked: (target) => Number(target.slice('/item/'.length)),
});
