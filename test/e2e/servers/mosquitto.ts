import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, freePort, type Server, startServer } from './server.ts';

export const USER = 'app';

/** Mosquitto that keeps nothing and lets everybody in; what is not `large` or below `plant` is forbidden. */
export async function startMosquitto(): Promise<Server> {
  const folder = emptyFolder('mosquitto');
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  const acl = join(folder, 'acl');
  writeFileSync(acl, `user ${USER}\ntopic readwrite plant/#\ntopic readwrite large\n`, { mode: 0o644 });
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false', `acl_file ${acl}`, ''];
  writeFileSync(config, lines.join('\n'));
  return startServer(port, ['mosquitto', '-c', config], { ready: /running/, cwd: folder });
}
