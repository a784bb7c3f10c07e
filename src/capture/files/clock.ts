/**
 * Time stamps of a pcapng interface: units since the epoch in 64 bits, given as two halves (4.3 of the specification), to seconds and
 * nanoseconds. Exact for decimal units down to a nanosecond, cut to the nanosecond below that, within one for powers of two.
 *
 * The upper half changes every 2^32 units (4.3 s for nanoseconds), so its share is worked out when it does, and a packet costs one division.
 */
export class InterfaceClock {
  sec = 0;
  nsec = 0;
  readonly #unitsPerSec: number;
  readonly #offsetSec: number;
  /** nanoseconds = units * factor / divisor. For decimal units down to 1 ns the factor is whole and the product below 10^9. */
  readonly #factor: number;
  readonly #divisor: number;
  /** Of the upper half `#high`: whole seconds, and the units left over. */
  #high = -1;
  #highSec = 0;
  #highUnits = 0;

  /** `resolution`: the byte of if_tsresol: 10^-n, or 2^-n with the top bit set. `offsetSec`: if_tsoffset. */
  constructor(resolution: number, offsetSec: number) {
    const exponent = resolution & 0x7f;
    this.#offsetSec = offsetSec;
    if ((resolution & 0x80) !== 0) {
      this.#unitsPerSec = 2 ** exponent;
      this.#factor = 1e9;
      this.#divisor = this.#unitsPerSec;
    } else {
      this.#unitsPerSec = 10 ** exponent;
      this.#factor = exponent <= 9 ? 10 ** (9 - exponent) : 1;
      this.#divisor = exponent <= 9 ? 1 : 10 ** (exponent - 9);
    }
  }

  /** Sets `sec` and `nsec`. */
  read(high: number, low: number): void {
    const perSec = this.#unitsPerSec;
    if (high !== this.#high) this.#setHigh(high);
    const units = this.#highUnits + low;
    const sec = Math.floor(units / perSec);
    const rest = units - sec * perSec;
    this.sec = this.#highSec + sec + this.#offsetSec;
    const nsec = Math.floor((rest * this.#factor) / this.#divisor);
    this.nsec = nsec < 1e9 ? nsec : 999_999_999;
  }

  /**
   * high * 2^32 = seconds * unitsPerSec + units, by long division bit by bit: no step exceeds 2 * unitsPerSec, which is exact up to 2^52
   * units a second. A finer clock has 64 bits for less than 69 minutes, hence cannot tell the date: there doubles will do.
   */
  #setHigh(high: number): void {
    const perSec = this.#unitsPerSec;
    this.#high = high;
    let sec = Math.floor(high / perSec);
    let units = high - sec * perSec;
    for (let bit = 0; bit < 32; bit++) {
      sec *= 2;
      units *= 2;
      if (units >= perSec) {
        sec++;
        units -= perSec;
      }
    }
    this.#highSec = sec;
    this.#highUnits = units;
  }
}
