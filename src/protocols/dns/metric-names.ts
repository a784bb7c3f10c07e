/** Names as metrics may have them: `dns.question.name` is a dimension, and whoever asks chooses it. */

import { Vocabulary } from '../../exchange/vocabulary.ts';

/**
 * A service looks up tens of names, a cluster some hundreds; 2,047 different ones at some hundred bytes are 200 KB. Each has its series
 * (and one for each kind of error); `metrics.maxSeries` bounds them all together.
 */
const MAX_NAMES = 2047;
const NAMES = new Vocabulary('dns.question.name', MAX_NAMES);
/** What finds no room there counts by its domain, as `*.example.com`. */
const DOMAINS = new Vocabulary('dns.question.domain', 1023);
/**
 * Names of one domain that are told apart. Lists of bad senders, tunnels and random labels make up a new name for every question: they
 * take an eighth of the room, not all of it.
 */
const MAX_PER_DOMAIN = 256;
/** Below these each address has a name: told apart they say nothing that is worth a series. */
const REVERSE = /\.(?:in-addr|ip6)\.arpa$/;
/** What found no room at all. */
const OTHER = '_OTHER';

/** How many names of each domain have room; no more domains than names. */
const siblings = new Map<string, number>();

/** A number below 4,096 for the name, the same for the same name as long as the process lives; 0 when it found no room. */
export function metricNameId(name: string): number {
  const lower = name.toLowerCase(); // names are equal without regard to case, and some resolvers play with it (0x20)
  const known = NAMES.peek(lower);
  if (known > 0) return known;
  const reverse = REVERSE.exec(lower);
  const domain = reverse === null ? domainOf(lower) : reverse[0].slice(1);
  const count = siblings.get(domain) ?? 0;
  if (reverse === null && count < MAX_PER_DOMAIN) {
    const id = NAMES.id(lower);
    if (id > 0) {
      siblings.set(domain, count + 1);
      return id;
    }
  }
  const wide = DOMAINS.id(`*.${domain}`);
  return wide === 0 ? 0 : MAX_NAMES + wide;
}

export function metricName(id: number): string {
  if (id === 0) return OTHER;
  return id <= MAX_NAMES ? NAMES.word(id) : DOMAINS.word(id - MAX_NAMES);
}

/** The last two labels; three where the last but one is short and the last a country's: `example.co.uk`. */
function domainOf(name: string): string {
  const last = name.lastIndexOf('.');
  if (last <= 0) return name;
  const second = name.lastIndexOf('.', last - 1);
  if (second <= 0) return name;
  const country = name.length - last === 3 && last - second <= 4;
  return name.slice((country ? name.lastIndexOf('.', second - 1) : second) + 1);
}
