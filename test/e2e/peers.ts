/** Programs that speak HTTP/1.1 in the namespaces of the tests: `peers.ts server HOST PORT`, `peers.ts client HOST PORT`. */
import { Agent, createServer, get } from 'node:http';
import { connect } from 'node:net';

/** Requests by node:http over kept connections, and those on sockets that send all of theirs at once. */
const CONNECTIONS = 6;
const REQUESTS = 300;
const PIPELINES = 12;
const DEPTH = 8;

/** Answers every path with itself, some after a while. */
function serve(host: string, port: number): void {
  createServer((req, res) => {
    const answer = (): void => void res.end(`you asked for ${req.url}\n`);
    if (req.url!.endsWith('7')) setTimeout(answer, 3);
    else answer();
  }).listen(port, host, () => console.log('listening'));
}

async function kept(host: string, port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const one = (n: number): Promise<void> =>
    new Promise((resolve, reject) => {
      get({ agent, host, port, path: `/kept/${n}` }, (res) => res.resume().once('end', resolve)).once('error', reject);
    });
  await Promise.all(Array.from({ length: REQUESTS }, (_, n) => one(n)));
  agent.destroy();
}

function pipelined(host: string, port: number, pipeline: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host).on('error', reject).setEncoding('latin1');
    for (let n = 0; n < DEPTH; n++) {
      const last = n === DEPTH - 1 ? 'Connection: close\r\n' : '';
      socket.write(`GET /pipeline/${pipeline}/${n} HTTP/1.1\r\nHost: ${host}\r\n${last}\r\n`);
    }
    let text = '';
    socket.on('data', (piece) => {
      text += piece;
    });
    socket.on('end', () => {
      const answers = text.split('HTTP/1.1 200 OK').length - 1;
      if (answers === DEPTH) resolve();
      else reject(new Error(`${answers} answers to ${DEPTH} requests`));
    });
  });
}

const [role, host, port] = process.argv.slice(2) as [string, string, string];
if (role === 'server') serve(host, Number(port));
else {
  await kept(host, Number(port));
  for (let n = 0; n < PIPELINES; n++) await pipelined(host, Number(port), n);
  console.log(REQUESTS + PIPELINES * DEPTH);
}
