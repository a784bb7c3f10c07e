/**
 * `spantap read` against tshark and httpry, over a capture of more than a million packets, and its memory over one four times
 * as long: `node test/bench/read.ts` (needs root once, to make the captures, and `make build`).
 */
import { join } from 'node:path';
import { captures } from './captures/loopback.ts';
import { HEADING, measure, median, type Run, row } from './measure/programs.ts';

/** tshark takes minutes for all of it: its speed over the first packets stands for the rest. */
const TSHARK_PACKETS = 200_000;
const ROUNDS = 3;
const SPANTAP = join(import.meta.dirname, '../../bin/spantap');

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

console.log(HEADING);
const rate = row('spantap read', shortPackets, median(ours));
row('spantap read, 4 x as long', longPackets, four);
const httpryRate = row('httpry -r', shortPackets, median(theirs));
const tsharkRate = row('tshark -Y http.response', Math.min(TSHARK_PACKETS, shortPackets), slow);
console.log(
  `spantap read is ${(rate / tsharkRate).toFixed(1)} times as fast as tshark (to be: 15), ` +
    `${(rate / httpryRate).toFixed(1)} times as fast as httpry (to be: 3); ` +
    `four times the packets take ${(four.peakMiB / median(ours).peakMiB).toFixed(2)} times the memory (to be: 1, and at most 150 MiB)`,
);
