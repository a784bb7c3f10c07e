/** Headline figures that more than one dashboard shows. */
import type { Headline } from './panels.ts';
import { AGENT, ERROR_BOUNDS, rate, share } from './queries.ts';

/** The share `expr` of what failed. */
export const failedFigure = (description: string, expr: string): Headline => ({
  title: 'Failed',
  description,
  expr,
  unit: 'percentunit',
  decimals: 2,
  bounds: ERROR_BOUNDS,
});

/** The share of the packets that the kernel had no room for. */
export const droppedFigure = (description: string): Headline => ({
  title: 'Dropped by the kernel',
  description,
  expr: share('', rate('spantap_capture_dropped_total', AGENT), rate('spantap_capture_received_total', AGENT)),
  unit: 'percentunit',
  decimals: 3,
  bounds: [
    ['orange', 0.0001],
    ['red', 0.01],
  ],
});
