/** Opens interfaces with the driver the configuration names. */

import { SpantapError } from '../self/errors.ts';
import { type Device, loadAddon } from './addon.ts';
import { openCap } from './cap.ts';
import { openLibpcap } from './libpcap.ts';
import type { CaptureOptions } from './options.ts';
import { filterProblem } from './problems.ts';
import type { FrameHandler, LiveCapture } from './source.ts';

export interface LiveOptions extends CaptureOptions {
  /**
   * Shares the packets with every other capture of this machine that names the same group (16 bits). The n-th interface
   * joins group `fanoutGroup + n`, so groups need a distance of the number of interfaces.
   */
  readonly fanoutGroup?: number;
}

/**
 * Delivers the packets of every interface in `options.interfaces` to `handler`, on this thread's event loop; calls `onBatchEnd`
 * whenever a batch is through. Throws a SpantapError: `capture-addon-missing`, `capture-permission`, `capture-no-device`,
 * `capture-interface-down`, `capture-bad-filter`, `capture-cap-missing`, `capture-cap-main-thread`, `capture-failed`.
 */
export function openLive(options: LiveOptions, handler: FrameHandler, onBatchEnd: () => void): LiveCapture {
  if (options.driver === 'cap') return openCap(options, handler, onBatchEnd);
  if (options.driver === 'libpcap' || hasAddon()) {
    return openLibpcap(options, options.fanoutGroup, handler, onBatchEnd);
  }
  try {
    return openCap(options, handler, onBatchEnd);
  } catch (error) {
    // Neither driver is there: the addon is the one to have.
    if (error instanceof SpantapError && error.code.startsWith('capture-cap-')) loadAddon();
    throw error;
  }
}

/** The driver that will be used runs in the main thread only, and its packets bear the agent's clock: `cap`. */
export function needsMainThread(options: CaptureOptions): boolean {
  return options.driver === 'cap' || (options.driver === 'auto' && !hasAddon());
}

function hasAddon(): boolean {
  try {
    loadAddon();
    return true;
  } catch {
    return false;
  }
}

/** The interfaces of this machine. Throws `capture-addon-missing`. */
export function listDevices(): Device[] {
  return loadAddon().devices();
}

/** Throws `capture-bad-filter` for an expression that libpcap does not take; opens no interface. */
export function checkFilter(expression: string, snaplen: number): void {
  const words = loadAddon().checkFilter(expression, snaplen);
  if (words !== undefined) throw filterProblem(expression, words);
}
