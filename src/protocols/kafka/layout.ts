/**
 * The fields of Kafka's messages, in a notation of one word for each field, and how they lie on the wire in a given version.
 *
 *     maxWait:i32   a field with a meaning, and its type: i8, i16, i32, i64, uuid, str, bytes
 *     i64 5+        a field that is passed over, in version 5 and later; `2-4`: in versions 2 to 4
 *     str[]         a list of them
 *     { ... }       a structure
 *     [ ... ]       a list of structures
 *     ..            what follows is not of interest
 */

/** What is made of a field. */
export const PASSED = 0;
export const ERROR = 1;
export const TOPIC = 2;
export const TOPIC_ID = 3;
export const PARTITION = 4;
export const GROUP = 5;
export const TRANSACTION = 6;
export const ACKS = 7;
export const MAX_WAIT = 8;
export const MIN_BYTES = 9;
export const SESSION_EPOCH = 10;
export const RECORDS = 11;
/** A topic's name and its id belong together: the name is told first. */
export const NAME = 12;
export const ID = 13;
export const CLIENT = 14;

const ROLES: Readonly<Record<string, number>> = {
  error: ERROR,
  topic: TOPIC,
  topicId: TOPIC_ID,
  partition: PARTITION,
  group: GROUP,
  transaction: TRANSACTION,
  acks: ACKS,
  maxWait: MAX_WAIT,
  minBytes: MIN_BYTES,
  sessionEpoch: SESSION_EPOCH,
  records: RECORDS,
  name: NAME,
  id: ID,
  client: CLIENT,
};

/** Kinds of steps. Bytes that nobody wants, an integer, a text of 16 bytes. */
export const FIXED = 0;
export const NUMBER = 1;
export const UUID = 2;
/** Length (int16; compact: unsigned varint, plus one), then as many bytes; null is -1 (compact: 0). */
export const TEXT = 3;
/** The same with a length of four bytes. */
export const BYTES = 4;
/** Number of elements (int32; compact: unsigned varint, plus one), then these. */
export const LIST = 5;
/** Tagged fields (KIP-482): their number, then for each its tag, its size, and so many bytes; all numbers unsigned varints. */
export const TAGS = 6;
/** What follows is not of interest. */
export const REST = 7;

/** One field, or several neighbours that are passed over, as one version has them. */
export class Step {
  readonly kind: number;
  readonly role: number;
  readonly compact: boolean;
  /** Of FIXED, NUMBER and UUID; of the others the fewest that they can have. */
  bytes: number;
  /** An element's steps, and the fewest bytes that it can have. */
  readonly fields: readonly Step[];
  readonly least: number;

  constructor(kind: number, role: number, compact: boolean, bytes: number, fields: readonly Step[] = []) {
    this.kind = kind;
    this.role = role;
    this.compact = compact;
    this.bytes = bytes;
    this.fields = fields;
    this.least = fields.reduce((sum, f) => sum + f.bytes, 0);
  }
}

interface Field {
  /** '' for a structure. */
  readonly type: string;
  readonly role: number;
  readonly list: boolean;
  readonly fields: readonly Field[];
  from: number;
  to: number;
}

const BYTES_OF: Readonly<Record<string, number>> = { i8: 1, i16: 2, i32: 4, i64: 8, uuid: 16 };

/** The fields of a message in all versions. */
export class Layout {
  readonly #fields: readonly Field[];
  readonly #steps: (readonly Step[] | undefined)[] = [];

  constructor(notation: string) {
    this.#fields = parse(notation.split(/\s+/).filter((word) => word !== ''));
  }

  /** As `version` has them; `flexible`: lengths are compact, and tagged fields end each structure. */
  steps(version: number, flexible: boolean): readonly Step[] {
    this.#steps[version] ??= compile(this.#fields, version, flexible);
    return this.#steps[version];
  }
}

/** Takes words up to the end of the structure. */
function parse(words: string[]): Field[] {
  const fields: Field[] = [];
  for (let word = words.shift(); word !== undefined && word !== ']' && word !== '}'; word = words.shift()) {
    const structure = word === '[' || word === '{';
    const [type, name] = word.split(':').reverse() as [string, string?];
    fields.push({
      type: structure ? '' : type.replace('[]', ''),
      role: name === undefined ? PASSED : ROLES[name]!,
      list: word === '[' || type.endsWith('[]'),
      fields: structure ? parse(words) : [],
      from: 0,
      to: Number.POSITIVE_INFINITY,
    });
    const versions = /^(\d+)(\+|-(\d+))$/.exec(words[0] ?? '');
    if (versions === null) continue;
    words.shift();
    const last = fields.at(-1)!;
    last.from = Number(versions[1]);
    if (versions[3] !== undefined) last.to = Number(versions[3]);
  }
  return fields;
}

function compile(fields: readonly Field[], version: number, flexible: boolean): Step[] {
  const steps: Step[] = [];
  for (const f of fields) {
    if (version < f.from || version > f.to) continue;
    if (f.type === '..') {
      steps.push(new Step(REST, PASSED, false, 0));
      return steps;
    }
    if (f.list) steps.push(list(f, version, flexible));
    else if (f.type === '') steps.push(...compile(f.fields, version, flexible));
    else {
      const step = single(f.type, f.role, flexible);
      const before = steps.at(-1);
      if (step.kind === FIXED && before?.kind === FIXED) before.bytes += step.bytes;
      else steps.push(step);
    }
  }
  if (flexible) steps.push(new Step(TAGS, PASSED, true, 1));
  return steps;
}

function list(f: Field, version: number, flexible: boolean): Step {
  const fields = f.type === '' ? compile(f.fields, version, flexible) : [single(f.type, f.role, flexible)];
  return new Step(LIST, PASSED, flexible, flexible ? 1 : 4, fields);
}

function single(type: string, role: number, flexible: boolean): Step {
  if (type === 'str') return new Step(TEXT, role, flexible, flexible ? 1 : 2);
  if (type === 'bytes') return new Step(BYTES, role, flexible, flexible ? 1 : 4);
  const bytes = BYTES_OF[type]!;
  const kind = role === PASSED ? FIXED : type === 'uuid' ? UUID : NUMBER;
  return new Step(kind, role, false, bytes);
}
