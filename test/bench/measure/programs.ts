/** Programs run to their end, with the time and memory they took. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** The kernel's clock ticks in /proc, USER_HZ: 100 on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const POLL_MS = 5;

/** Runs a program with its output in `to`; memory and CPU time as /proc has them shortly before its end. */
export async function measure(to: string, command: readonly string[]): Promise<Run> {
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

export function median(runs: readonly Run[]): Run {
  return runs.toSorted((a, b) => a.seconds - b.seconds)[runs.length >> 1]!;
}

export const HEADING = `${'program'.padEnd(26)} ${' packets'.padStart(9)}  seconds   packets/s  CPU us/packet  peak MiB`;

/** Prints a line below HEADING; gives packets per second. */
export function row(name: string, packets: number, r: Run): number {
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
