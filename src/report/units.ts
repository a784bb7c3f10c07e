/** Figures for people. */

/** 12,345 */
export function countText(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

const scaled = (value: number, unit: string): string => {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
};

/** 850 ns, 12.3 µs, 4.56 ms, 7.89 s; - for NaN. */
export function durationText(ns: number): string {
  if (Number.isNaN(ns)) return '-';
  if (ns < 999.5) return `${Math.round(ns)} ns`;
  if (ns < 999.5e3) return scaled(ns / 1e3, 'µs');
  if (ns < 999.5e6) return scaled(ns / 1e6, 'ms');
  return scaled(ns / 1e9, 's');
}

/** 999 B, 12.3 KiB, 4.56 MiB, 7.89 GiB */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999.5 * 2 ** 10) return scaled(bytes / 2 ** 10, 'KiB');
  if (bytes < 999.5 * 2 ** 20) return scaled(bytes / 2 ** 20, 'MiB');
  return scaled(bytes / 2 ** 30, 'GiB');
}

/** 0, 0.50 %, 12.3 % */
export function shareText(part: number, whole: number): string {
  return part === 0 || whole === 0 ? '' : scaled((100 * part) / whole, '%');
}
