import { emptyFolder, freePort, type Server, startServer } from './server.ts';

export const PASSWORD = 'correct-horse';

/** Redis that keeps nothing on disk, with a password. */
export async function startRedis(): Promise<Server> {
  const folder = emptyFolder('redis');
  const port = await freePort();
  const options = {
    port: String(port),
    bind: '127.0.0.1',
    requirepass: PASSWORD,
    save: '',
    appendonly: 'no',
    dir: folder,
  };
  const words = Object.entries(options).flatMap(([key, value]) => [`--${key}`, value]);
  return startServer(port, ['redis-server', ...words], { ready: /Ready to accept connections/, cwd: folder });
}
