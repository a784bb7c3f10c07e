/** MariaDB, with the account that the tests use. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from '../program.ts';
import { emptyFolder, freePort, type Server, serverEnvironment, startServer, unprivileged } from './server.ts';

export const USER = 'app';
export const PASSWORD = 'correct-horse';
export const DATABASE = 'shop';

/** Where Debian's package keeps what makes the system tables, from version 13 on and before. */
const SCRIPTS = ['/usr/share/mariadb/mariadb_', '/usr/share/mysql/mysql_'];

/** `options`: more of the server's. */
export async function startMariadb(...options: string[]): Promise<Server> {
  const folder = emptyFolder('mariadb');
  const data = join(folder, 'data');
  await makeSystemTables(data);
  const accounts = join(folder, 'accounts.sql');
  const account = `${USER}@'127.%'`;
  // one statement on a line
  writeFileSync(
    accounts,
    `CREATE DATABASE ${DATABASE};\nCREATE USER ${account} IDENTIFIED BY '${PASSWORD}';\nGRANT ALL ON *.* TO ${account};\n`,
  );
  const port = await freePort();
  return startServer(
    port,
    [
      'mariadbd',
      '--no-defaults', // first, or not at all
      `--datadir=${data}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--init-file=${accounts}`,
      '--skip-name-resolve',
      '--innodb-buffer-pool-size=32M',
      '--innodb-flush-log-at-trx-commit=0',
      '--max-allowed-packet=64M',
      '--local-infile=1',
      ...options,
    ],
    { ready: /ready for connections/, cwd: folder },
  );
}

/** As mariadb-install-db does it, which needs programs of the client's package. */
async function makeSystemTables(data: string): Promise<void> {
  const env = serverEnvironment();
  const made = start(unprivileged('mkdir', '-p', join(data, 'mysql')), { env });
  await made.ended();
  const options = [`--datadir=${data}`, '--innodb-log-file-size=8M', '--innodb-buffer-pool-size=16M'];
  const bootstrap = start(unprivileged('mariadbd', '--no-defaults', '--bootstrap', ...options), {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  bootstrap.child.stdin!.write('use mysql;\nset @auth_root_socket=NULL;\n');
  const scripts = SCRIPTS.find((start) => existsSync(`${start}system_tables.sql`)) ?? SCRIPTS[0];
  for (const script of ['system_tables', 'performance_tables', 'system_tables_data'])
    bootstrap.child.stdin!.write(readFileSync(`${scripts}${script}.sql`));
  bootstrap.child.stdin!.end();
  if ((await bootstrap.ended()) !== 0) throw new Error(`no system tables: ${bootstrap.err}`);
}
