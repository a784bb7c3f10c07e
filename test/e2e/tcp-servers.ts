/**
 * Servers that do to TCP what `tcp-health.test.ts` looks for: `tcp-servers.ts HOST PORT`, each at a port of its own from PORT on.
 * What they speak is no protocol: a client sends, and what it hears is `.`.
 */
import { createServer, type Socket } from 'node:net';

const [host, first] = process.argv.slice(2) as [string, string];
const paused = new Set<Socket>();

const kinds: ((socket: Socket) => void)[] = [
  // answers what it is told
  (socket) => socket.on('data', () => socket.write('.')).on('end', () => socket.end()),
  // breaks off when it is told something
  (socket) => socket.on('data', () => socket.resetAndDestroy()),
  // reads nothing until somebody connects to the next one, then everything
  (socket) => {
    paused.add(socket.pause());
    socket.on('data', () => {}).on('end', () => socket.end());
    socket.pause();
  },
  (socket) => {
    for (const s of paused) s.resume();
    socket.end();
  },
  // takes everything, and answers a line feed at the end of a piece
  (socket) => {
    socket.on('data', (piece: Buffer) => piece.at(-1) === 10 && socket.write('.')).on('end', () => socket.end());
  },
];

let listening = 0;
for (const [i, serve] of kinds.entries()) {
  createServer({ allowHalfOpen: true }, (socket) => serve(socket.on('error', () => {}))).listen(
    Number(first) + i,
    host,
    () => {
      if (++listening === kinds.length) console.log('listening');
    },
  );
}
