import { join } from 'node:path';
import { emptyFolder, freePort, type Server, startServer } from './server.ts';

/** NATS with JetStream in a folder of its own. */
export async function startNats(): Promise<Server> {
  const folder = emptyFolder('nats');
  const port = await freePort();
  const options = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', join(folder, 'jetstream')];
  return startServer(port, ['nats-server', ...options], { ready: /Server is ready/, cwd: folder });
}
