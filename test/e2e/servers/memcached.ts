import { emptyFolder, freePort, type Server, startServer } from './server.ts';

/** Memcached, by TCP only. */
export async function startMemcached(): Promise<Server> {
  const port = await freePort();
  const options = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '64', '-t', '2', '-I', '8m'];
  return startServer(port, ['memcached', ...options], { cwd: emptyFolder('memcached') });
}
