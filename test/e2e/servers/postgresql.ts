/** PostgreSQL, with a password for every connection. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../program.ts';
import { emptyFolder, freePort, type Server, serverEnvironment, startServer, unprivileged } from './server.ts';

export const USER = 'app';
export const PASSWORD = 'correct-horse';
export const DATABASE = 'postgres';

/** `more`: settings. */
export async function startPostgresql(more: Record<string, string> = {}): Promise<Server> {
  const folder = emptyFolder('postgresql');
  const data = join(folder, 'data');
  const password = join(folder, 'password');
  writeFileSync(password, `${PASSWORD}\n`, { mode: 0o644 });
  const options = ['--auth=scram-sha-256', `--pwfile=${password}`, '--encoding=UTF8', '--no-locale', '--no-sync'];
  await must(unprivileged('initdb', '-D', data, '-U', USER, ...options), { env: serverEnvironment(), cwd: folder });
  // initdb lets in 127.0.0.1 alone
  const anyone = ['all', 'replication'].map((database) => `host ${database} all 127.0.0.0/8 scram-sha-256\n`);
  writeFileSync(join(data, 'pg_hba.conf'), anyone.join(''));
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    max_connections: '40',
    shared_buffers: '16MB',
    wal_level: 'logical', // for those that ask for replication
    ...more,
  };
  const set = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return startServer(port, ['postgres', '-D', data, '-p', String(port), ...set], {
    ready: /ready to accept connections/,
    stopSignal: 'SIGINT', // SIGTERM waits for the clients to go
    cwd: folder,
  });
}
