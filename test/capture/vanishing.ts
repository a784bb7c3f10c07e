/**
 * Run in a network namespace of its own: captures on two interfaces while one goes down, comes back and is removed. Prints
 * what it saw.
 */

import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { openLive } from '../../src/capture/live.ts';
import { optionsFor, until } from './packets.ts';

const ip = (...args: string[]): void => {
  execFileSync('ip', args);
};

ip('link', 'set', 'lo', 'up');
ip('link', 'add', 'tap0', 'type', 'veth', 'peer', 'name', 'tap1');
ip('link', 'set', 'tap1', 'up');
ip('link', 'set', 'tap0', 'up');
ip('addr', 'add', '10.99.0.1/24', 'dev', 'tap0');
ip('neigh', 'add', '10.99.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'tap0', 'nud', 'permanent');

const port = 9999;
let onTap = 0;
let onLo = 0;
const frame = (buf: Buffer, start: number): void => {
  // First byte of the IPv4 source address.
  if (buf[start + 14 + 12] === 10) onTap++;
  else onLo++;
};
const capture = openLive(optionsFor(port, { interfaces: ['tap0', 'lo'] }), { frame }, () => {});
const errors: string[] = [];
capture.onError = (error) => errors.push(`${error.code}: ${error.message}`);

const socket = dgram.createSocket('udp4');
const send = (address: string): Promise<void> =>
  new Promise((resolve) => {
    // While the interface is down there is no route: that is no matter here.
    socket.send('x', port, address, () => resolve());
  });

await send('10.99.0.2');
await until(() => onTap > 0);
const before = onTap;

ip('link', 'set', 'tap0', 'down');
await until(() => false, 300);
ip('link', 'set', 'tap0', 'up');
ip('neigh', 'replace', '10.99.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'tap0', 'nud', 'permanent');
onTap = 0;
for (let i = 0; i < 100 && onTap === 0; i++) {
  await send('10.99.0.2');
  await until(() => onTap > 0, 50);
}
const afterUp = onTap;

ip('link', 'delete', 'tap0');
await until(() => errors.length > 0);
await until(() => false, 300);
await send('127.0.0.1');
await until(() => onLo > 0);

capture.close();
socket.close();
console.log(JSON.stringify({ before, afterUp, errors, open: onLo }));
