import { emptyFolder, freePort, type Server, startServer } from './server.ts';

/** dnsmasq that knows the given records (options such as `host-record=a.test,192.0.2.1`) and nothing else; it asks nobody. */
export async function startDnsmasq(records: readonly string[]): Promise<Server> {
  const port = await freePort();
  const options = [
    'keep-in-foreground',
    'conf-file=/dev/null',
    'log-facility=-',
    'pid-file',
    'no-resolv',
    'no-hosts',
    'no-poll',
    'bind-interfaces',
    'listen-address=127.0.0.1',
    `port=${port}`,
    ...records,
  ];
  return startServer(port, ['dnsmasq', ...options.map((option) => `--${option}`)], {
    ready: /started, version/,
    cwd: emptyFolder('dnsmasq'),
  });
}
