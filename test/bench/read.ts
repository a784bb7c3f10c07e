/**
 * `spantap read` against tshark and httpry, over a capture of more than a million packets, and its memory over one four times
 * as long: `node test/bench/read.ts` (needs root once, to make the captures, and `make build`).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { captures } from './captures/loopback.ts';

/** tshark takes minutes for all of it: its speed over the first packets stands for the rest. */
const TSHARK_PACKETS = 200_000;
const ROUNDS = 3;
const SPANTAP = join(import.meta.dirname, '../../bin/spantap');

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** The kernel's clock ticks in /proc, USER_HZ: 100 on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const POLL_MS = 5;

/** Runs a program with its output in `to`; memory and CPU time as /proc has them shortly before its end. */
async function measure(to: string, command: readonly string[]): Promise<Run> {
  const out = openSync(to, 'w');
  const begin = performance.now();
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', out, 'ignore'] });
  let endMs = Number.NaN;
  const ended = once(child, 'exit').then(([code]) => {
    endMs = performance.now();
    if (code !== 0) console.error(`${command[0]}: exit code ${code}`);
  });
  let peakKiB = 0;
  let ticks = 0;
  while (Number.isNaN(endMs)) {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peakKiB = Math.max(peakKiB, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
      // behind the name in parentheses: state is field 3, utime and stime are fields 14 and 15
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      ticks = Math.max(ticks, Number(fields[11]) + Number(fields[12]));
    } catch {
      break; // it has just ended
    }
    await sleep(POLL_MS);
  }
  await ended;
  closeSync(out);
  return { seconds: (endMs - begin) / 1000, cpuSeconds: ticks / TICKS_PER_SECOND, peakMiB: peakKiB / 1024 };
}

function median(runs: readonly Run[]): Run {
  return runs.toSorted((a, b) => a.seconds - b.seconds)[runs.length >> 1]!;
}

function row(name: string, packets: number, r: Run): number {
  const rate = packets / r.seconds;
  const cells = [
    name.padEnd(26),
    String(packets).padStart(9),
    r.seconds.toFixed(2).padStart(8),
    Math.round(rate).toLocaleString('en').padStart(11),
    ((r.cpuSeconds * 1e6) / packets).toFixed(2).padStart(14),
    r.peakMiB.toFixed(0).padStart(9),
  ];
  console.log(cells.join(' '));
  return rate;
}

const { short, shortPackets, long, longPackets } = await captures();
const output = join(import.meta.dirname, '../../bench-data/output');
const spantap = (file: string): Promise<Run> => measure(output, [SPANTAP, 'read', file]);
const httpry = (file: string): Promise<Run> => measure('/dev/null', ['httpry', '-q', '-r', file, '-o', output]);
const fields = ['-T', 'fields', '-e', 'http.time', '-e', 'http.response.code'];
const tshark = (file: string): Promise<Run> =>
  measure(output, ['tshark', '-n', '-c', String(TSHARK_PACKETS), '-r', file, '-Y', 'http.response', ...fields]);

await spantap(short); // the file comes into the page cache
const ours: Run[] = [];
const theirs: Run[] = [];
for (let round = 0; round < ROUNDS; round++) {
  ours.push(await spantap(short));
  theirs.push(await httpry(short));
}
const slow = await tshark(short);
const four = median([await spantap(long), await spantap(long), await spantap(long)]);

console.log(`${'program'.padEnd(26)} ${' packets'.padStart(9)}  seconds   packets/s  CPU us/packet  peak MiB`);
const rate = row('spantap read', shortPackets, median(ours));
row('spantap read, 4 x as long', longPackets, four);
const httpryRate = row('httpry -r', shortPackets, median(theirs));
const tsharkRate = row('tshark -Y http.response', Math.min(TSHARK_PACKETS, shortPackets), slow);
console.log(
  `spantap read is ${(rate / tsharkRate).toFixed(1)} times as fast as tshark (to be: 15), ` +
    `${(rate / httpryRate).toFixed(1)} times as fast as httpry (to be: 3); ` +
    `four times the packets take ${(four.peakMiB / median(ours).peakMiB).toFixed(2)} times the memory (to be: 1, and at most 150 MiB)`,
);
