import { http } from '../../src/protocols/http/index.ts';
import { losses } from '../kit/losses.ts';

/** Requests and responses of one to four segments; some responses are chunked. */
losses(http, {
  request(id, random) {
    const filler = random.chance(0.2) ? `X-Filler: ${'x'.repeat(random.between(500, 1500))}\r\n` : '';
    return Buffer.from(`GET /item/${id} HTTP/1.1\r\nHost: shop.example\r\n${filler}\r\n`);
  },
  response(id, random) {
    const body = Buffer.alloc(random.chance(0.3) ? random.between(1000, 2000) : random.below(200), 'b');
    const head = `HTTP/1.1 ${this.status(id)} Item ${id}\r\n`;
    if (!random.chance(0.3)) return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
    const size = (body.length || 1).toString(16);
    const chunk = body.length > 0 ? body : Buffer.from('b');
    return Buffer.concat([
      Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n`),
      chunk,
      Buffer.from('\r\n0\r\n\r\n'),
    ]);
  },
  status: (id) => [200, 201, 202, 203, 205, 206, 400, 401, 403, 404, 405, 409, 500][id % 13]!,
  asked: (target) => Number(target.slice('/item/'.length)),
});
