/** `grpc-status` in the trailers of gRPC-Web, which are header lines of HTTP/1.1, read byte by byte as they come: none is kept. */

const NAME = 'grpc-status:';
const TAB = 9;
const LF = 10;
const CR = 13;
const SP = 32;

/** Where in a line it stands: within the name so far, in front of the number, in it, behind it, or in a line that says something else. */
const NUMBER = NAME.length;
const DIGITS = NUMBER + 1;
const BEHIND = NUMBER + 2;
const ELSEWHERE = NUMBER + 3;

/** More digits are no status. */
const MAX_STATUS = 999;

export class TrailerStatus {
  /** The first one that a line gave; -1: none. */
  status = -1;
  #at = 0;
  #number = 0;

  take(b: number): void {
    if (b === LF) this.end();
    else if (this.#at < NUMBER) this.#at = lower(b) === NAME.charCodeAt(this.#at) ? this.#at + 1 : ELSEWHERE;
    else if (this.#at === ELSEWHERE) return;
    else if (b >= 48 && b <= 57) {
      if (this.#at === BEHIND) this.#at = ELSEWHERE;
      else {
        this.#number = this.#at === NUMBER ? b - 48 : this.#number * 10 + b - 48;
        this.#at = this.#number > MAX_STATUS ? ELSEWHERE : DIGITS;
      }
    } else if (b === SP || b === TAB || b === CR) {
      if (this.#at === DIGITS) this.#at = BEHIND;
    } else this.#at = ELSEWHERE;
  }

  /** The line is over. */
  end(): void {
    if ((this.#at === DIGITS || this.#at === BEHIND) && this.status < 0) this.status = this.#number;
    this.#at = 0;
  }
}

const lower = (b: number): number => (b >= 65 && b <= 90 ? b | 32 : b);
