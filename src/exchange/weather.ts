/** What has happened on a connection so far; exchanges take the difference between their start and end. */
export class Weather {
  retransmissions = 0;
  outOfOrder = 0;
  zeroWindows = 0;
  /** Capture time of the last payload byte in either direction. */
  lastDataNs = Number.NEGATIVE_INFINITY;
}
