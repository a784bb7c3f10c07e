import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, freePort, type Server, startServer } from './server.ts';

export const USER = 'app';
export const PASSWORD = 'correct-horse';
/** What the user may not publish. */
export const FORBIDDEN = 'forbidden.subject';

/** NATS with JetStream in a folder of its own. */
/** `more`: lines of its configuration. */
export async function startNats(...more: string[]): Promise<Server> {
  const folder = emptyFolder('nats');
  const port = await freePort();
  const config = join(folder, 'nats.conf');
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `jetstream: { store_dir: "${join(folder, 'jetstream')}" }`,
    'authorization: {',
    `  users: [{ user: "${USER}", password: "${PASSWORD}", permissions: { publish: { deny: ["${FORBIDDEN}"] } } }]`,
    '}',
    ...more,
    '',
  ];
  writeFileSync(config, lines.join('\n'));
  return startServer(port, ['nats-server', '-c', config], { ready: /Server is ready/, cwd: folder });
}
