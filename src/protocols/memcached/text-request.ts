import { Words } from '../../bytes/words.ts';
import { BARE, FULL, IN_ORDER, LOST, MORE, SKIP, type Step, type Window } from '../protocol.ts';
import {
  ADMIN,
  COUNT,
  type Command,
  DELETE,
  findCommand,
  META,
  META_COUNT,
  META_DELETE,
  META_GET,
  META_SET,
  RETRIEVE,
  STORE,
  TOUCH,
  UNKNOWN,
} from './commands.ts';
import { MemcachedDetail, NO_TAG, TEXT } from './exchange-detail.ts';
import { Requests } from './requests.ts';
import { CLIENT_ERROR, ERROR, EX, HD, NF, NS, SERVER_ERROR, type Status, VA } from './status.ts';
import { hashOf, isText, LF, Line, lineEnd, lineFeed, MAX_LINE } from './syntax.ts';

const LINE = new Line();
const KEYS = new Words();

/** What is kept of the name of an unknown command. */
const MAX_UNKNOWN = 32;

const START = 0;
/** In a line that is longer than its bound. */
const LINE_REST = 1;
/** Behind the data block. */
const DATA = 2;

const bits = (...statuses: Status[]): number => statuses.reduce((set, s) => set | (1 << s.number), 0);
const ERRORS = bits(ERROR, CLIENT_ERROR, SERVER_ERROR);
/** What a quiet meta command may be answered all the same. */
const QUIET_GET = ERRORS | bits(HD, VA);
const QUIET_CHANGE = ERRORS | bits(VA, NS, EX, NF);

const SMALL_K = 107;
const SMALL_Q = 113;
const CAPITAL_O = 79;

/** Requests of the text protocol: lines, some with a data block behind them. */
export class TextRequests extends Requests {
  #phase = START;
  #length = 0;
  /** Statuses that may answer the silent commands since the last one that is not. */
  #fog = 0;

  override forget(): void {
    super.forget();
    this.#phase = START;
  }

  decode(w: Window): Step {
    for (;;) {
      let step = -1;
      if (this.#phase === START) step = this.#start(w);
      else if (this.#phase === LINE_REST) step = this.#lineRest(w);
      else this.finish(w);
      if (step >= 0) return step as Step;
    }
  }

  #start(w: Window): number {
    const { buf, pos, end } = w;
    if (pos >= end) return more(w, 1);
    const lf = lineFeed(w, pos);
    const whole = lf >= 0 && lf - pos <= MAX_LINE;
    if (!whole && end - pos <= MAX_LINE) return isText(buf, pos, end - 1) ? more(w, end - pos + 1) : LOST;
    const to = whole ? lineEnd(buf, pos, lf) : pos + MAX_LINE;
    if (!LINE.read(buf, pos, to)) return LOST;
    const command = findCommand(buf, LINE.starts[0]!, LINE.ends[0]!);
    this.#begin(w, command, to);
    if (!whole) {
      w.pos = to;
      this.#phase = LINE_REST;
      return -1;
    }
    w.pos = lf + 1;
    if (this.#length < 0) {
      this.finish(w);
      return -1;
    }
    this.#phase = DATA;
    if (this.exchange !== null) this.exchange.requestHeadEnd = w.seqAt(w.pos);
    w.want = this.#length + 2;
    return SKIP;
  }

  #lineRest(w: Window): number {
    const lf = w.find(LF, w.pos);
    w.pos = lf < 0 ? w.end : lf + 1;
    if (lf < 0) return more(w, 1);
    this.finish(w);
    return -1;
  }

  /** LINE holds the command's line, which ends at `to`. */
  #begin(w: Window, command: Command | null, to: number): void {
    const { buf, pos } = w;
    const kind = command === null ? UNKNOWN : command.kind;
    let quiet = false;
    let tag = NO_TAG;
    let noreply = command !== null && command.name === 'quit';
    if ((kind & META) !== 0) {
      quiet = this.#has(buf, SMALL_Q);
      if (quiet) tag = tagOf(buf, command!.keyAt);
    } else if ((kind & (STORE | DELETE | COUNT | TOUCH | ADMIN)) !== 0) {
      noreply ||= LINE.count <= LINE.seen && LINE.is(buf, LINE.seen - 1, 'noreply');
    }
    this.#length =
      command !== null && command.lengthAt > 0 && LINE.seen > command.lengthAt
        ? LINE.number(buf, command.lengthAt)
        : -1;
    this.silent = noreply || (quiet && tag === NO_TAG);
    this.startOffset = w.base + pos;
    const x = this.out.begin(IN_ORDER, w, pos, to);
    this.exchange = x;
    const d = new MemcachedDetail(kind, TEXT, quiet && tag !== NO_TAG, tag, this.#fog);
    this.#fog = this.silent ? this.#fog | (quiet ? mayAnswer(kind) : ERRORS) : 0;
    if (x === null) return;
    const { detail, maxStatementBytes } = this.out;
    if (command !== null) x.operation = command.name;
    else
      x.operation =
        detail === BARE
          ? '_OTHER'
          : buf.toString('latin1', LINE.starts[0], Math.min(LINE.ends[0]!, LINE.starts[0]! + MAX_UNKNOWN));
    x.target = x.operation;
    x.detail = d;
    if (command === null || command.keyAt === 0 || LINE.seen <= command.keyAt) {
      x.statement = x.operation;
      return;
    }
    d.keys = kind === RETRIEVE ? LINE.count - command.keyAt : 1;
    if (detail !== FULL) return;
    const from = LINE.starts[command.keyAt]!;
    const keysEnd = kind === RETRIEVE ? to : LINE.ends[command.keyAt]!;
    const most = from + Math.max(0, maxStatementBytes - command.name.length - 1);
    x.statement = `${command.name} ${KEYS.text(buf, from, Math.min(keysEnd, most))}`;
    x.statementCut = Math.max(0, keysEnd - most);
  }

  /** A flag of a meta command that is one letter. */
  #has(buf: Uint8Array, flag: number): boolean {
    for (let i = 2; i < LINE.seen; i++) if (LINE.length(i) === 1 && buf[LINE.starts[i]!] === flag) return true;
    return false;
  }

  protected override finish(w: Window): void {
    this.#phase = START;
    super.finish(w);
  }
}

function mayAnswer(kind: number): number {
  if (kind === META_GET) return QUIET_GET;
  return kind === META_SET || kind === META_DELETE || kind === META_COUNT ? QUIET_CHANGE : ERRORS | bits(HD);
}

/**
 * What the answer of a quiet meta command will be known by: its opaque token (`O`), or its key where that is sent back
 * (`k`).
 */
function tagOf(buf: Uint8Array, keyAt: number): number {
  let tag = NO_TAG;
  for (let i = keyAt + 1; i < LINE.seen; i++) {
    const from = LINE.starts[i]!;
    if (buf[from] === CAPITAL_O) return hashOf(buf, from, LINE.ends[i]!);
    if (buf[from] === SMALL_K && LINE.length(i) === 1) tag = hashOf(buf, LINE.starts[keyAt]!, LINE.ends[keyAt]!);
  }
  return tag;
}

function more(w: Window, bytes: number): number {
  w.want = bytes;
  return MORE;
}
