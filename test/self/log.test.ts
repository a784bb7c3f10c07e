import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { LimitedLog, textLine } from '../../src/self/log.ts';
import { KeptLog } from '../export/collector.ts';

test('of many alike lines the first comes at once, then one in each interval that says how many it stands for', () => {
  let now = 0;
  const kept = new KeptLog();
  const log = new LimitedLog(kept, 30_000, () => now);
  for (; now < 70_000; now += 1000) log.line('warn', 'full', { n: now }, 'dropped');
  log.line('error', 'other', {}, 'something else');
  assert.deepEqual(
    kept.lines.map((l) => [l.level, l.fields]),
    [
      ['warn', { n: 0 }],
      ['warn', { n: 30_000, alike: 29 }],
      ['warn', { n: 60_000, alike: 29 }],
      ['error', {}],
    ],
  );
});

test('kinds without end are taken as one', () => {
  const kept = new KeptLog();
  const log = new LimitedLog(kept, 30_000, () => 0);
  for (let i = 0; i < 10_000; i++) log.line('warn', `kind ${i}`, {}, 'x');
  assert.equal(kept.lines.length, 257);
});

test('lines for people and for machines, on standard error', () => {
  assert.equal(
    textLine(
      '{"level":"warn","time":"2026-01-31T10:00:00.000Z","reason":"no route","n":3,"at":{"a":1},"msg":"it failed"}',
    ),
    '2026-01-31T10:00:00.000Z WARN  it failed  reason="no route" n=3 at={"a":1}\n',
  );
  const program = (format: string): string => `
    import { createLog } from '${new URL('../../src/self/log.ts', import.meta.url).href}';
    const log = createLog({ level: 'info', format: '${format}' });
    log.debug({}, 'hidden');
    log.info({ port: 80 }, 'started');
    process.exit(0);`;
  const run = (format: string): string => {
    const script = `node --input-type=module -e "$1" 2>&1 >/dev/null`;
    return execFileSync('sh', ['-c', script, 'sh', program(format)], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.execPath.replace(/\/[^/]*$/, '')}:${process.env.PATH}` },
    });
  };
  assert.match(run('text'), /^\S+Z INFO {2}started {2}port=80\n$/);
  const { level, port, msg } = JSON.parse(run('json')) as Record<string, unknown>;
  assert.deepEqual([level, port, msg], ['info', 80, 'started']);
});
