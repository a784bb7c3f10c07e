/** A command as text, in the notation of JSON: keys as they are, values as `?`. */

import { Window } from '../../bytes/window.ts';
import {
  ARRAY,
  BOOLEAN,
  DATE,
  DOCUMENT,
  DOUBLE,
  ELEMENT,
  Elements,
  END,
  INT32,
  INT64,
  NULL,
  OBJECT_ID,
  STRING,
} from './bson.ts';
import { carriesCredentials, isSecretField, speaksOfCollection } from './commands.ts';

/** What drivers add to every command: it says nothing of what is asked, and the database is an attribute of its own. */
const PLUMBING = new Set(['$db', 'lsid', '$clusterTime']);

/** Nobody reads what is nested deeper; MongoDB itself allows 100. */
const MAX_DEPTH = 32;

const BODY = new Window();
const LEVELS = Array.from({ length: MAX_DEPTH }, () => new Elements());

/** What is left out of a text. */
interface Hiding {
  /** Every value, or only those of fields whose names say that they are secrets. */
  readonly values: boolean;
  /** The first field's value is the name of a collection. */
  readonly named: boolean;
}

/**
 * `body`: a document as on the wire, a character for each byte, whole or cut anywhere. `values`: they are hidden; those of commands that carry credentials
 * always are. Arrays are folded: of neighbours that read the same, one is shown.
 */
export function commandText(body: string, command: string, isCommand: boolean, values: boolean): string {
  const w = BODY;
  w.show(Buffer.from(body, 'latin1'));
  w.pos = 0;
  w.first = 0;
  w.end = body.length;
  const named = isCommand && speaksOfCollection(command);
  return documentText(w, 0, { values: values || carriesCredentials(command), named });
}

/** The document or array at `w.pos`. Where it is cut its text ends, without a closing bracket. */
function documentText(w: Window, depth: number, hiding: Hiding): string {
  const e = LEVELS[depth]!;
  if (w.end - w.pos < 4) return '{';
  e.enter(w, w.view.getInt32(w.pos, true));
  let text = '';
  for (let step = e.next(w); step !== END; step = e.next(w)) {
    if (step !== ELEMENT) return `{${text}`;
    const name = w.buf.toString('utf8', e.nameFrom, e.nameTo);
    const shown = depth > 0 || !PLUMBING.has(name);
    if (shown) {
      if (text !== '') text += ', ';
      const first = hiding.named && e.nameFrom === 5;
      text += `${JSON.stringify(name)}: ${valueText(w, e, depth, first ? { values: false, named: false } : hiding, name)}`;
    }
    if (!e.pass(w)) return `{${text}`;
  }
  return `{${text}}`;
}

function arrayText(w: Window, depth: number, hiding: Hiding): string {
  const e = LEVELS[depth]!;
  if (w.end - w.pos < 4) return '[';
  e.enter(w, w.view.getInt32(w.pos, true));
  let text = '';
  let before = '';
  for (let step = e.next(w); step !== END; step = e.next(w)) {
    if (step !== ELEMENT) return `[${text}`;
    const item = valueText(w, e, depth, hiding, '');
    if (item !== before) text += text === '' ? item : `, ${item}`;
    before = item;
    if (!e.pass(w)) return `[${text}`;
  }
  return `[${text}]`;
}

/** The value of the element that `e` stands on. */
function valueText(w: Window, e: Elements, depth: number, hiding: Hiding, name: string): string {
  const { type, valueAt } = e;
  const hidden = hiding.values || isSecretField(name);
  if (type === DOCUMENT || type === ARRAY) {
    if (depth + 1 >= MAX_DEPTH) return '?';
    const { pos } = w;
    w.pos = valueAt;
    const inner: Hiding = { values: hidden, named: false };
    const text = type === DOCUMENT ? documentText(w, depth + 1, inner) : arrayText(w, depth + 1, inner);
    w.pos = pos;
    return text;
  }
  return hidden || valueAt + e.valueBytes > w.end ? '?' : scalarText(w, e);
}

/** Types that people do not read, and large numbers, stay `?`. */
function scalarText(w: Window, e: Elements): string {
  const { buf, view } = w;
  const at = e.valueAt;
  switch (e.type) {
    case STRING:
      return JSON.stringify(buf.toString('utf8', at + 4, at + e.valueBytes - 1));
    case DOUBLE:
      return String(view.getFloat64(at, true));
    case INT32:
      return String(view.getInt32(at, true));
    case INT64:
      return String(view.getBigInt64(at, true));
    case BOOLEAN:
      return buf[at] === 0 ? 'false' : 'true';
    case NULL:
      return 'null';
    case OBJECT_ID:
      return `ObjectId("${buf.toString('hex', at, at + 12)}")`;
    case DATE:
      return `Date(${view.getBigInt64(at, true)})`;
    default:
      return '?';
  }
}
