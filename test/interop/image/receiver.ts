/** Takes OTLP as JSON at HOST PORT and prints each request as a line: for network namespaces of the tests. */
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';

const [host, port] = process.argv.slice(2) as [string, string];
createServer((req, res) => {
  const parts: Buffer[] = [];
  req.on('data', (part: Buffer) => parts.push(part));
  req.on('end', () => {
    const body = Buffer.concat(parts);
    console.log((req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString());
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
}).listen(Number(port), host, () => console.error('listening'));
