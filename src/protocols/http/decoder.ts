import type { Decoder, Dir, Exchanges, Step, Window } from '../protocol.ts';
import { TO_SERVER } from '../protocol.ts';
import { MAX_LINE } from './lines.ts';
import { Requests } from './requests.ts';
import { Responses } from './responses.ts';
import { A_START, behindEmptyLines, requestRestart, responseStart, TOO_SHORT } from './syntax.ts';

/** HTTP/1.x (RFC 9112), line by line. Bodies pass by unseen, unless they hold messages. */
export class HttpDecoder implements Decoder {
  readonly #requests: Requests;
  readonly #responses: Responses;

  constructor(out: Exchanges) {
    this.#requests = new Requests(out);
    this.#responses = new Responses(out, this.#requests);
  }

  get successor(): string {
    return this.#responses.successor;
  }

  decode(dir: Dir, w: Window): Step {
    return dir === TO_SERVER ? this.#requests.read(w) : this.#responses.read(w);
  }

  resync(dir: Dir, w: Window): boolean {
    if (dir !== TO_SERVER) this.#responses.decide(w);
    w.pos = behindEmptyLines(w.buf, w.pos, w.end);
    const judged =
      dir === TO_SERVER ? requestRestart(w.buf, w.pos, w.end, MAX_LINE) : responseStart(w.buf, w.pos, w.end);
    if (judged === A_START) return true;
    if (judged !== TOO_SHORT || w.end - w.pos >= MAX_LINE) w.pos = w.end;
    return false;
  }

  gap(dir: Dir, _w: Window): void {
    if (dir === TO_SERVER) this.#requests.gap();
    else this.#responses.gap();
  }

  end(dir: Dir, w: Window): void {
    if (dir !== TO_SERVER) this.#responses.end(w);
  }
}
