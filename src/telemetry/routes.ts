const ID = '{id}';
/** What a service's paths beyond MAX_ROUTES become. */
export const OTHER_ROUTE = '{other}';

/** Segments of a path that are looked at; the rest becomes one `{other}`. */
const MAX_SEGMENTS = 16;
/** A segment longer than this is taken for an id, whatever it is made of. */
const MAX_SEGMENT_CHARS = 64;
/** Different routes of one service: a hundred is a large service, and each route multiplies its series. */
const MAX_ROUTES = 200;
/** Paths remembered with their route, in two halves of which the older is forgotten: 2 x 4,096 x about 200 bytes. */
const MAX_PATHS = 4096;
/** Longer paths are not remembered. */
const MAX_PATH_CHARS = 256;

/**
 * The path with everything folded that looks like the name of one thing among many: numbers, UUIDs, long hex and long
 * random words, dates, e-mail addresses. An inference, not the framework's route; time is linear in the path's length.
 */
export function routeTemplate(path: string): string {
  if (path.charCodeAt(0) !== 47) return ''; // `*`, authority form, nothing
  let out = '';
  let segments = 0;
  let from = 1;
  while (from <= path.length) {
    let to = path.indexOf('/', from);
    if (to < 0) to = path.length;
    if (++segments > MAX_SEGMENTS) return `${out}/${OTHER_ROUTE}`;
    out += `/${looksLikeId(path, from, to) ? ID : path.slice(from, to)}`;
    from = to + 1;
  }
  return out;
}

/** One pass over `path[from, to)`, counting kinds of characters; the counts decide. */
function looksLikeId(path: string, from: number, to: number): boolean {
  const length = to - from;
  if (length === 0) return false;
  if (length > MAX_SEGMENT_CHARS) return true;
  let digits = 0;
  let hexLetters = 0;
  let lower = 0;
  let upper = 0;
  let dashes = 0;
  let at = 0;
  let base64 = 0;
  let time = 0;
  for (let i = from; i < to; i++) {
    const c = path.charCodeAt(i);
    if (c >= 48 && c <= 57) digits++;
    else if (c >= 97 && c <= 122) {
      lower++;
      if (c <= 102) hexLetters++;
    } else if (c >= 65 && c <= 90) {
      upper++;
      if (c <= 70) hexLetters++;
    } else if (c === 45) dashes++;
    else if (c === 64) at++;
    else if (c === 95 || c === 43 || c === 61 || c === 126) base64++;
    else if (c === 58 || c === 46) time++;
    else if (c === 37) base64++;
  }
  const letters = lower + upper;
  if (digits === length) return true;
  // 2024-01-31, 2024-01-31T10:00:00.000Z, 12.50, -7, 10:30
  if (digits >= 1 && letters <= 2 && digits + dashes + time + letters === length && digits >= letters * 4) return true;
  // UUIDs and the like: hex in groups
  if (dashes > 0 && digits > 0 && digits + hexLetters + dashes === length && length >= 16) return true;
  // hashes: a word of hex letters alone (`facade`) is a word
  if (digits > 0 && digits + hexLetters === length && length >= 8) return true;
  if (at === 1 && time > 0) return true; // an address of e-mail
  if (length < 16 || digits === 0 || letters === 0) return false;
  // random words: many digits between letters of both cases, or without any separator that a person would have put
  const random = digits + letters + base64 + dashes === length;
  return (
    random && (length >= 20 ? digits * 8 >= length || (upper > 0 && lower > 0 && dashes <= 1) : upper > 0 && lower > 0)
  );
}

/** Remembers routes, and bounds how many one service can have. */
export class RouteTable {
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  readonly #routes = new WeakMap<object, Set<string>>();

  /** Route of a path at a service; '' when the text is no path. */
  of(service: object, path: string): string {
    let route = this.#young.get(path);
    if (route === undefined) {
      route = this.#old.get(path) ?? routeTemplate(path);
      if (path.length <= MAX_PATH_CHARS) this.#remember(path, route);
    }
    if (route === '') return '';
    let routes = this.#routes.get(service);
    if (routes === undefined) {
      routes = new Set();
      this.#routes.set(service, routes);
    }
    if (routes.has(route)) return route;
    if (routes.size >= MAX_ROUTES) return OTHER_ROUTE;
    routes.add(route);
    return route;
  }

  #remember(path: string, route: string): void {
    if (this.#young.size >= MAX_PATHS) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(path, route);
  }
}
