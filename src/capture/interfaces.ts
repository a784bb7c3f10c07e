/** Names of this machine's network interfaces by their index, as Linux tells them. */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = '/sys/class/net';
const names = new Map<number, string>();

/** The name that the interface had when it was first asked for; its index as text where there is none (any more). */
export function interfaceName(index: number): string {
  let name = names.get(index);
  if (name === undefined) {
    look();
    name = names.get(index) ?? `ifindex ${index}`;
    names.set(index, name);
  }
  return name;
}

function look(): void {
  let folders: string[];
  try {
    folders = readdirSync(FOLDER);
  } catch {
    return; // not Linux, or nothing mounted there
  }
  for (const name of folders) {
    try {
      names.set(Number(readFileSync(`${FOLDER}/${name}/ifindex`, 'latin1')), name);
    } catch {
      // gone meanwhile, or no interface (bonding_masters)
    }
  }
}
