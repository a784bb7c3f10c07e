import type { Window } from '../protocol.ts';
import { BYTES, FIXED, LIST, NUMBER, PASSED, RECORDS, REST, type Step, TAGS, TEXT, UUID } from './layout.ts';
import { holds, MAX_VARINT_BYTES, skipTo, unsignedAt, varintBytes } from './wire.ts';

/** What next() answers. MORE and SKIP are meant, with `w.want`. */
export const NEEDS = 0;
export const PASSES = 1;
/** A field with a meaning: see `role`. */
export const FOUND = 2;
/** The message's last field was read. */
export const END = 3;
/** It is not what the layout says. */
export const BROKEN = 4;

/** Groups, their topics, their partitions, and two more. */
const MAX_DEPTH = 6;
/** Longer texts are passed over: topics have at most 249 bytes, and groups that people name fewer. */
export const MAX_TEXT_BYTES = 255;

const NOTHING: readonly Step[] = [];

/** A list that was entered from within another one's element: where that one stands. */
class Level {
  steps: readonly Step[] = NOTHING;
  at = 0;
  left = 0;
}

/** Goes through the fields of a message as they come in, and stops at those with a meaning. Every length is checked against the message's. */
export class Walker {
  /** Of the field found. */
  role = PASSED;
  /** Number: its value. */
  value = 0;
  /** Text or UUID: `buf[from, to)`. Valid until the next call. */
  from = 0;
  to = 0;
  /** Records: they begin at `w.pos`; whoever asks for the next field must have gone past so many bytes. */
  bytes = 0;
  /** At the END: the rest of the message is of no interest, and there may be one. */
  open = false;
  /** Fields of the element that is being read, the next one's index, and elements that are left, this one included. The message is one. */
  #steps: readonly Step[] = NOTHING;
  #at = 0;
  #left = 0;
  /** The same of the elements around it, the message first. */
  #around: Level[] | null = null;
  #depth = 0;
  /** Tagged fields that are still to come. */
  #tags = 0;
  /** Stream offset behind the message. */
  #end = 0;

  begin(steps: readonly Step[], end: number): void {
    this.#steps = steps;
    this.#at = 0;
    this.#left = 1;
    this.#depth = 0;
    this.#tags = 0;
    this.#end = end;
    this.open = false;
  }

  next(w: Window): number {
    for (;;) {
      const steps = this.#steps;
      const i = this.#at;
      if (i === steps.length) {
        if (--this.#left > 0) this.#at = 0;
        else if (this.#depth === 0) return END;
        else this.#leave();
        continue;
      }
      const step = steps[i]!;
      const got = this.#take(w, step, this.#end - w.base - w.pos);
      if (got !== FOUND) return got;
      if (this.role !== PASSED) return FOUND;
    }
  }

  /** One step further; `left`: bytes of the message. FOUND also for what has no meaning. */
  #take(w: Window, step: Step, left: number): number {
    if (step.bytes > left) return BROKEN;
    switch (step.kind) {
      case FIXED:
        this.#at++;
        return this.#pass(w, step.bytes);
      case NUMBER:
        return this.#number(w, step);
      case UUID:
        if (!holds(w, step.bytes)) return NEEDS;
        return this.#text(w, step, 0, step.bytes);
      case TEXT:
      case BYTES:
      case LIST:
        return this.#sized(w, step, left);
      case TAGS:
        return this.#tagged(w, left);
      case REST:
        this.open = true;
        return END;
      default:
        return BROKEN;
    }
  }

  #number(w: Window, step: Step): number {
    if (!holds(w, step.bytes)) return NEEDS;
    const { view, pos } = w;
    this.value = step.bytes === 2 ? view.getInt16(pos) : step.bytes === 4 ? view.getInt32(pos) : view.getInt8(pos);
    this.role = step.role;
    w.pos = pos + step.bytes;
    this.#at++;
    return FOUND;
  }

  /** A length, or a number of elements, in front of what it counts. */
  #sized(w: Window, step: Step, left: number): number {
    const { pos } = w;
    let n: number;
    let prefix = step.kind === TEXT ? 2 : 4;
    if (step.compact) {
      prefix = varintBytes(w, pos, MAX_VARINT_BYTES);
      if (prefix < 0) return BROKEN;
      if (prefix === 0) {
        holds(w, w.end - pos + 1);
        return left > w.end - pos ? NEEDS : BROKEN;
      }
      n = unsignedAt(w, pos, prefix) - 1;
    } else {
      if (!holds(w, prefix)) return NEEDS;
      n = prefix === 2 ? w.view.getInt16(pos) : w.view.getInt32(pos);
    }
    if (n < -1 || n > left - prefix) return BROKEN;
    if (step.kind === LIST) return this.#enter(w, step, prefix, n, left - prefix);
    if (n < 0 || step.role === PASSED || (step.kind === TEXT && n > MAX_TEXT_BYTES)) {
      this.role = PASSED;
      this.#at++;
      return this.#pass(w, prefix + Math.max(0, n));
    }
    if (step.role === RECORDS) {
      this.role = RECORDS;
      this.bytes = n;
      w.pos = pos + prefix;
      this.#at++;
      return FOUND;
    }
    if (!holds(w, prefix + n)) return NEEDS;
    return this.#text(w, step, prefix, n);
  }

  #text(w: Window, step: Step, prefix: number, bytes: number): number {
    this.role = step.role;
    this.from = w.pos + prefix;
    this.to = this.from + bytes;
    w.pos = this.to;
    this.#at++;
    return FOUND;
  }

  #enter(w: Window, step: Step, prefix: number, count: number, left: number): number {
    const { fields, least } = step;
    w.pos += prefix;
    this.role = PASSED;
    this.#at++;
    if (count <= 0) return FOUND;
    if (least === 0 || count * least > left) return BROKEN;
    if (fields.length === 1 && fields[0]!.kind === FIXED) return this.#pass(w, count * least);
    if (this.#depth + 1 === MAX_DEPTH) return BROKEN;
    this.#around ??= [];
    this.#around[this.#depth] ??= new Level();
    const level = this.#around[this.#depth++]!;
    level.steps = this.#steps;
    level.at = this.#at;
    level.left = this.#left;
    this.#steps = fields;
    this.#at = 0;
    this.#left = count;
    return FOUND;
  }

  #leave(): void {
    const level = this.#around![--this.#depth]!;
    this.#steps = level.steps;
    this.#at = level.at;
    this.#left = level.left;
  }

  #tagged(w: Window, left: number): number {
    const { pos } = w;
    this.role = PASSED;
    const first = varintBytes(w, pos, MAX_VARINT_BYTES);
    if (first < 0) return BROKEN;
    const second = this.#tags === 0 || first === 0 ? 0 : varintBytes(w, pos + first, MAX_VARINT_BYTES);
    if (second < 0) return BROKEN;
    if (first === 0 || (this.#tags > 0 && second === 0)) {
      holds(w, w.end - pos + 1);
      return left > w.end - pos ? NEEDS : BROKEN;
    }
    if (this.#tags === 0) {
      this.#tags = unsignedAt(w, pos, first);
      w.pos += first;
      if (2 * this.#tags > left - first) return BROKEN;
      if (this.#tags === 0) this.#at++;
      return FOUND;
    }
    const size = unsignedAt(w, pos + first, second);
    if (first + second + size > left) return BROKEN;
    if (--this.#tags === 0) this.#at++;
    return this.#pass(w, first + second + size);
  }

  #pass(w: Window, bytes: number): number {
    this.role = PASSED;
    return skipTo(w, w.base + w.pos + bytes) ? FOUND : PASSES;
  }
}
