/** RabbitMQ, one node with ports and folders of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, freePort, type Server, startServer } from './server.ts';

export const USER = 'app';
export const PASSWORD = 'correct-horse';

/** Debian's script on PATH insists on root or an account of its own. */
const SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export async function startRabbitmq(): Promise<Server> {
  const folder = emptyFolder('rabbitmq');
  // The mapper of Erlang's ports: a node that finds none leaves one behind.
  const mapperPort = await freePort();
  const mapper = await startServer(mapperPort, ['epmd', '-address', '127.0.0.1', '-port', String(mapperPort)], {
    cwd: folder,
  });
  const port = await freePort();
  const config = join(folder, 'rabbitmq.conf');
  writeFileSync(
    config,
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      `default_user = ${USER}`,
      `default_pass = ${PASSWORD}`,
      'vm_memory_high_watermark.absolute = 512MiB',
      'disk_free_limit.absolute = 1MB',
      'log.console = true',
      '',
    ].join('\n'),
  );
  const environment = {
    HOME: folder, // for the cookie that nodes know each other by
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(mapperPort),
    RABBITMQ_ALLOW_INPUT: 'true', // the node itself instead of a script that waits for it
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_LOGS: '-',
    RABBITMQ_MNESIA_BASE: folder,
    RABBITMQ_NODENAME: `spantap-${port}@localhost`,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none',
  };
  const words = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  try {
    const server = await startServer(port, ['env', ...words, SCRIPT, '-noinput'], {
      ready: /Server startup complete/,
      stopSignal: 'SIGKILL', // it keeps nothing
      cwd: folder,
    });
    return {
      port,
      get log() {
        return server.log;
      },
      async stop() {
        await server.stop();
        await mapper.stop();
      },
    };
  } catch (error) {
    await mapper.stop();
    throw error;
  }
}
