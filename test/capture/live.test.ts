/** The libpcap driver on the loopback interface. Needs CAP_NET_RAW. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../../src/capture/addon.ts';
import { checkFilter, type LiveOptions, listDevices, openLive } from '../../src/capture/live.ts';
import type { SpantapError } from '../../src/self/errors.ts';
import { mayCapture, optionsFor, pause, Sender, textOf, until } from './packets.ts';

/** Opens, lets `use` send, and closes; gathers the texts of all datagrams seen. */
async function capturing(
  more: Partial<LiveOptions>,
  use: (sender: Sender, seen: string[], batches: () => number) => Promise<void>,
): Promise<{ seen: string[]; stats: ReturnType<ReturnType<typeof openLive>['stats']> }> {
  const sender = await Sender.open();
  const seen: string[] = [];
  let batches = 0;
  const frame = (buf: Buffer, start: number, end: number): void => {
    seen.push(textOf(buf, start, end));
  };
  const capture = openLive(optionsFor(sender.port, more), { frame }, () => {
    batches++;
  });
  try {
    await use(sender, seen, () => batches);
  } finally {
    capture.close();
    sender.close();
  }
  return { seen, stats: capture.stats() };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

function problem(run: () => unknown): SpantapError {
  try {
    run();
  } catch (error) {
    return error as SpantapError;
  }
  assert.fail('nothing was thrown');
}

test('every datagram once, in order, in batches, and counted', async (t) => {
  if (!mayCapture(t)) return;
  const { seen, stats } = await capturing({}, async (sender, got, batches) => {
    await sender.send(0, 3000);
    await until(() => got.length >= 3000);
    assert.ok(batches() < 1500, `${batches()} batches`);
  });
  assert.deepEqual(seen, numbers(3000));
  assert.deepEqual(stats, { received: 3000, dropped: 0, interfaceDropped: 0 });
});

test('what lies in the ring when it is closed is delivered first', async (t) => {
  if (!mayCapture(t)) return;
  const { seen } = await capturing({ batchDelayMs: 200 }, async (sender) => {
    await sender.send(0, 50);
    // The kernel gives the packets out meanwhile, and nobody comes for them: this thread sleeps, its event loop with it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  });
  assert.deepEqual(seen, numbers(50));
});

test('times are the kernel’s: between just before the sending and just after', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  const times: number[] = [];
  const fine: number[] = [];
  const lengths = new Set<string>();
  const frame = (
    _: Buffer,
    start: number,
    end: number,
    wire: number,
    sec: number,
    nsec: number,
    link: number,
  ): void => {
    times.push(sec * 1000 + nsec / 1e6);
    fine.push(nsec % 1000);
    lengths.add(`${end - start} ${wire} ${link}`);
  };
  const capture = openLive(optionsFor(sender.port), { frame }, () => {});
  const before = Date.now();
  await sender.send(1000, 50);
  const after = Date.now() + 1;
  await pause(300);
  await until(() => times.length >= 50);
  assert.equal(capture.driver, 'libpcap');
  assert.equal(capture.clock, 'kernel');
  capture.close();
  sender.close();
  assert.equal(times.length, 50);
  // Read a third of a second later, stamped at once. (Kernel and JavaScript share the clock; 1 ms for its coarse reading.)
  assert.ok(Math.min(...times) >= before - 1 && Math.max(...times) <= after + 1, `${before} ${times[0]} ${after}`);
  assert.ok(
    fine.some((ns) => ns !== 0),
    'nanoseconds',
  );
  // 14 of Ethernet, 20 of IPv4, 8 of UDP, 4 of text.
  assert.deepEqual([...lengths], ['46 46 1']);
});

test('snaplen cuts the frame, not its length on the wire', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  const lengths: string[] = [];
  const frame = (_: Buffer, start: number, end: number, wire: number): void => {
    lengths.push(`${end - start} ${wire}`);
  };
  const capture = openLive(optionsFor(sender.port, { snaplen: 43 }), { frame }, () => {});
  await sender.send(1000, 3);
  await until(() => lengths.length >= 3);
  capture.close();
  sender.close();
  assert.deepEqual(lengths, ['43 46', '43 46', '43 46']);
});

test('more than a batch holds: nothing is lost between two batches, at any snaplen', async (t) => {
  if (!mayCapture(t)) return;
  // The largest snaplen leaves room for few packets before the batch has to end.
  for (const snaplen of [128, 262_144]) {
    const { seen } = await capturing({ snaplen, ringBytes: 32 << 20, batchDelayMs: 500 }, async (sender, got) => {
      await sender.send(0, 20_000);
      await until(() => got.length >= 20_000);
    });
    assert.deepEqual(seen, numbers(20_000), `snaplen ${snaplen}`);
  }
});

test('the filter keeps everything else out', async (t) => {
  if (!mayCapture(t)) return;
  const other = await Sender.open();
  const { seen, stats } = await capturing({}, async (sender, got) => {
    await other.send(500, 20);
    await sender.send(0, 20);
    await until(() => got.length >= 20);
  });
  other.close();
  assert.deepEqual(seen, numbers(20));
  assert.equal(stats.received, 20);
});

test('two interfaces at once; `any` gives cooked frames of the second version', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  const links: Record<number, number> = {};
  const frame = (_b: Buffer, _s: number, _e: number, _w: number, _sec: number, _nsec: number, link: number): void => {
    links[link] = (links[link] ?? 0) + 1;
  };
  const capture = openLive(optionsFor(sender.port, { interfaces: ['lo', 'any', 'lo'] }), { frame }, () => {});
  await sender.send(0, 40);
  await until(() => links[1] === 40 && links[276] === 40);
  capture.close();
  sender.close();
  assert.deepEqual(links, { 1: 40, 276: 40 });
});

test('a paused capture gives nothing, a resumed one what the ring kept; closing twice is closing', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  const seen: string[] = [];
  const frame = (buf: Buffer, start: number, end: number): void => {
    seen.push(textOf(buf, start, end));
  };
  const capture = openLive(optionsFor(sender.port), { frame }, () => {});
  capture.pause();
  capture.pause();
  await sender.send(0, 10);
  await pause(100);
  assert.deepEqual(seen, []);
  capture.resume();
  capture.resume();
  await until(() => seen.length >= 10);
  assert.deepEqual(seen, numbers(10));
  capture.close();
  capture.close();
  capture.resume();
  await sender.send(10, 10);
  await pause(100);
  sender.close();
  assert.equal(seen.length, 10);
  assert.equal(capture.stats().received, 10);
});

test('closing from within a batch', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  let frames = 0;
  const capture = openLive(
    optionsFor(sender.port),
    {
      frame: () => {
        frames++;
      },
    },
    () => capture.close(),
  );
  await sender.send(0, 5);
  await until(() => frames > 0);
  const first = frames;
  await sender.send(0, 5);
  await pause(100);
  sender.close();
  assert.ok(first > 0);
  assert.equal(frames, first);
});

test('no such interface: the error lists those there are', (t) => {
  if (!mayCapture(t)) return;
  const error = problem(() => openLive(optionsFor(9, { interfaces: ['lo', 'nope7'] }), { frame() {} }, () => {}));
  assert.equal(error.code, 'capture-no-device');
  assert.match(error.message, /"nope7".* lo \(127\.0\.0\.1/);
});

test('a bad filter: libpcap’s words and the filter, with and without opening an interface', (t) => {
  if (!mayCapture(t)) return;
  const opening = problem(() => openLive(optionsFor(9, { filter: 'tcp foo 80' }), { frame() {} }, () => {}));
  const checking = problem(() => checkFilter('tcp foo 80', 65535));
  for (const error of [opening, checking]) {
    assert.equal(error.code, 'capture-bad-filter');
    assert.match(error.message, /"tcp foo 80": .*syntax error/);
  }
  checkFilter('tcp port 80 or (vlan and tcp port 80)', 65535);
  checkFilter('', 65535);
});

test('the devices of this machine', (t) => {
  if (!mayCapture(t)) return;
  const lo = listDevices().find((d) => d.name === 'lo')!;
  assert.ok(lo.loopback && lo.up && lo.addresses.includes('127.0.0.1'));
});

test('without the capability, and no way to it: the error says what containers have to grant', (t) => {
  if (!mayCapture(t)) return;
  const live = JSON.stringify(join(import.meta.dirname, '../../src/capture/live.ts'));
  const script = `import { openLive } from ${live};
    try { openLive(${JSON.stringify(optionsFor(9))}, { frame() {} }, () => {}); console.log('opened'); }
    catch (error) { console.log(error.code + '\\n' + error.message); }`;
  const args = ['--bounding-set=-net_raw', '--inh-caps=-net_raw'];
  const { stdout, stderr } = spawnSync('setpriv', [...args, process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.match(stdout, /^capture-permission\n/, stderr);
  assert.match(stdout, /add: \[NET_RAW\].*--cap-add NET_RAW;/);
  assert.doesNotMatch(stdout, /setcap/, 'it cannot bring what the bounding set leaves out');
});

test('an interface that goes down is waited for; one that is removed is told once', (t) => {
  if (!mayCapture(t)) return;
  const script = join(import.meta.dirname, 'vanishing.ts');
  const { stdout, stderr, status } = spawnSync('unshare', ['--net', process.execPath, script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, stderr);
  const { before, afterUp, errors, open } = JSON.parse(stdout);
  assert.ok(before > 0 && afterUp > 0, stdout);
  assert.deepEqual(errors, ['capture-interface-lost: Capturing on tap0 has ended: The interface disappeared']);
  assert.ok(open > 0, 'the other interface goes on');
});

function startWorker(options: LiveOptions): {
  worker: Worker;
  seen: string[];
  opened: Promise<void>;
  ended: Promise<number>;
} {
  const worker = new Worker(join(import.meta.dirname, 'sharer.ts'), { workerData: options });
  const seen: string[] = [];
  const ended = new Promise<number>((resolve) => worker.on('exit', resolve));
  const opened = new Promise<void>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message: 'open' | string[]) => {
      if (message === 'open') resolve();
      else seen.push(...message);
    });
  });
  return { worker, seen, opened, ended };
}

test('in a worker thread that closes its capture, and in ones that are terminated with it open', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  const orderly = startWorker(optionsFor(sender.port));
  await orderly.opened;
  await sender.send(0, 100);
  await until(() => orderly.seen.length >= 100);
  orderly.worker.postMessage('close');
  assert.equal(await orderly.ended, 0);
  assert.deepEqual(orderly.seen, numbers(100));
  for (let round = 0; round < 5; round++) {
    const cut = startWorker(optionsFor(sender.port, { interfaces: ['lo', 'any'] }));
    await cut.opened;
    const sending = sender.send(0, 500);
    await cut.worker.terminate();
    await sending;
  }
  sender.close();
});

test('a process that exits with a capture open exits', (t) => {
  if (!mayCapture(t)) return;
  const live = JSON.stringify(join(import.meta.dirname, '../../src/capture/live.ts'));
  const script = `import { openLive } from ${live};
    openLive(${JSON.stringify(optionsFor(9))}, { frame() {} }, () => {}); setTimeout(() => process.exit(7), 50);`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  assert.equal(status, 7);
});

test('two workers in a fanout group share the packets: each one once, no flow split', async (t) => {
  if (!mayCapture(t)) return;
  const sender = await Sender.open();
  const options = { ...optionsFor(sender.port), fanoutGroup: process.pid & 0xffff };
  const shards = [startWorker(options), startWorker(options)];
  await Promise.all(shards.map((s) => s.opened));
  const ports = 16;
  await sender.send(0, 4000, ports);
  await until(() => shards[0]!.seen.length + shards[1]!.seen.length >= 4000);
  await pause(50);
  for (const shard of shards) shard.worker.postMessage('close');
  await Promise.all(shards.map((s) => s.ended));
  sender.close();
  const all = shards.flatMap((s) => s.seen.map(Number)).sort((a, b) => a - b);
  assert.deepEqual(all.map(String), numbers(4000));
  const flows = shards.map((s) => new Set(s.seen.map((n) => Number(n) % ports)));
  assert.equal(flows[0]!.size + flows[1]!.size, ports);
});

test('the addon refuses what it cannot do', (t) => {
  if (!mayCapture(t)) return;
  const addon = loadAddon();
  const settings = { filter: '', snaplen: 100, promiscuous: false, ringBytes: 1 << 20, timeoutMs: 10 };
  const open = (more: object): unknown =>
    addon.open(
      'lo',
      { ...settings, batch: Buffer.alloc(1000), ...more },
      () => {},
      () => {},
    );
  for (const bad of [
    { snaplen: 0 },
    { snaplen: 262_145 },
    { ringBytes: 0 },
    { batch: Buffer.alloc(231) },
    { batch: 5 },
  ]) {
    assert.throws(() => open(bad), { code: 'EINVAL' });
  }
  const handle = open({}) as { close(): void; stats(): object; fanout(group: number): void };
  const { stats } = handle;
  assert.throws(() => stats.call({}), { code: 'EINVAL' });
  handle.close();
  assert.throws(() => handle.fanout(1), { code: 'EINVAL' });
});
