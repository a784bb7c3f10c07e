/** The import rules of biome.json work: each forbidden direction is refused, each allowed one passes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const ALLOWED: Record<string, string[]> = {
  bytes: [],
  self: [],
  capture: ['bytes', 'self'],
  packet: ['bytes', 'self'],
  stream: ['packet', 'bytes', 'self', 'exchange'],
  exchange: ['bytes', 'self'],
  naming: ['bytes', 'self'],
  telemetry: ['exchange', 'naming', 'bytes', 'self'],
  export: ['telemetry', 'bytes', 'self'],
  config: ['self'],
  report: ['exchange', 'naming', 'telemetry', 'bytes', 'self'],
};
const ROOMS = [...Object.keys(ALLOWED), 'protocols', 'commands'];

interface Case {
  /** The importing file's folder below src. */
  folder: string;
  from: string;
  refused: boolean;
}

const cases: Case[] = [];
const may = (folder: string, ...from: string[]): void => {
  for (const f of from) cases.push({ folder, from: f, refused: false });
};
const mayNot = (folder: string, ...from: string[]): void => {
  for (const f of from) cases.push({ folder, from: f, refused: true });
};

for (const [room, allowed] of Object.entries(ALLOWED)) {
  for (const other of ROOMS) {
    if (other === room) continue;
    const rule = allowed.includes(other) ? may : mayNot;
    rule(room, `../${other}/some-file.ts`);
    rule(`${room}/deeper`, `../../${other}/some-file.ts`);
  }
  may(room, './neighbour.ts');
  may(`${room}/deeper`, './neighbour.ts', '../options.ts');
  mayNot(room, '../agent.ts', '../main.ts');
}

// streams know the contract of protocols, and no protocol
may('stream', '../protocols/protocol.ts');
mayNot('stream', '../protocols/http/index.ts', '../protocols/index.ts');

// a protocol knows its contract, exchanges and bytes; no other protocol, nothing of Node
may('protocols/http', './decoder.ts', '../protocol.ts', '../../exchange/exchange.ts', '../../bytes/window.ts');
mayNot('protocols/http', '../redis/decoder.ts', '../index.ts', '../../packet/packet.ts', '../../self/counters.ts');
mayNot('protocols/http', '../../agent.ts', 'node:fs');
may('protocols', './http/index.ts', '../exchange/exchange.ts');
mayNot('protocols', '../stream/lane.ts');

/** Writes every snippet into a tree of its own beside a copy of the rules; the paths that `rule` complains of. */
function lint(snippets: ReadonlyMap<string, string>, rule: string): Set<string> {
  const root = mkdtempSync(join(tmpdir(), 'spantap-lint-'));
  try {
    copyFileSync('biome.json', join(root, 'biome.json'));
    for (const [path, text] of snippets) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const r = spawnSync(
      resolve('node_modules/.bin/biome'),
      ['lint', '--reporter=json', '--max-diagnostics=none', '.'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    const { diagnostics } = JSON.parse(r.stdout) as {
      diagnostics: { category: string; location: { path: unknown } }[];
    };
    return new Set(
      diagnostics
        .filter((d) => d.category === `lint/style/${rule}`)
        .map((d) =>
          relative(root, resolve(root, String((d.location.path as { file?: string }).file ?? d.location.path))),
        ),
    );
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('each room imports only what it may', () => {
  const snippets = new Map(
    cases.map((c, i) => [`src/${c.folder}/snippet-${i}.ts`, `import { x } from '${c.from}';\nexport const y = x;\n`]),
  );
  const found = lint(snippets, 'noRestrictedImports');
  assert.ok(found.size > 50);
  cases.forEach((c, i) => {
    assert.equal(found.has(`src/${c.folder}/snippet-${i}.ts`), c.refused, `src/${c.folder} -> ${c.from}`);
  });
});

test('only config/load.ts reads the environment', () => {
  const text = 'export const home = process.env.HOME;\n';
  const files = ['src/stream/a.ts', 'src/main.ts', 'src/agent.ts', 'src/config/file.ts', 'src/config/load.ts'];
  const found = lint(new Map(files.map((f) => [f, text])), 'noProcessEnv');
  assert.deepEqual([...found].sort(), files.slice(0, 4).sort());
});
