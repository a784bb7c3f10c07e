/** The static table of HPACK (RFC 7541 Appendix A). */

import { fieldOf } from './fields.ts';

export const STATIC_ENTRIES = 61;

/** From index 1 on: `name value`, or the name alone. */
const ENTRIES = [
  ':authority',
  ':method GET',
  ':method POST',
  ':path /',
  ':path /index.html',
  ':scheme http',
  ':scheme https',
  ':status 200',
  ':status 204',
  ':status 206',
  ':status 304',
  ':status 400',
  ':status 404',
  ':status 500',
  'accept-charset',
  'accept-encoding gzip, deflate',
  'accept-language',
  'accept-ranges',
  'accept',
  'access-control-allow-origin',
  'age',
  'allow',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expect',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'link',
  'location',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'referer',
  'refresh',
  'retry-after',
  'server',
  'set-cookie',
  'strict-transport-security',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
  'www-authenticate',
];

const names = ['', ...ENTRIES.map((e) => e.split(' ', 1)[0]!)];

/** By index; [0] is not used. */
export const STATIC_FIELDS: readonly number[] = names.map(fieldOf);
export const STATIC_NAME_BYTES: readonly number[] = names.map((n) => n.length);
export const STATIC_VALUES: readonly string[] = ['', ...ENTRIES.map((e, i) => e.slice(names[i + 1]!.length + 1))];

/** Of the pseudo-header fields in front of the table those up to here belong to requests, the others, up to LAST_PSEUDO, to responses. */
export const LAST_REQUEST_PSEUDO = 7;
export const LAST_PSEUDO = 14;
