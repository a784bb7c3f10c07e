import { listDevices } from '../capture/live.ts';
import { alignColumns, type Column, coloured, plain } from '../report/columns.ts';

const COLUMNS: Column[] = ['INTERFACE', 'STATE', 'ADDRESSES', 'DESCRIPTION'].map((title) => ({ title, right: false }));

/** `spantap devices`: the interfaces, as libpcap sees them. */
export function devices(): number {
  const rows = listDevices().map((d) => [d.name, d.up ? 'up' : 'down', d.addresses.join(' '), d.description]);
  const paint = process.stdout.isTTY && process.stdout.hasColors() ? coloured : plain;
  process.stdout.write(alignColumns(COLUMNS, rows, paint));
  return 0;
}
