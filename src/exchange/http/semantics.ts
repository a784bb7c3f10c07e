import { endpointText } from '../../bytes/address.ts';
import { type Exchange, failureOf, UNKNOWN } from '../exchange.ts';
import {
  type AttributeSink,
  CLIENT,
  REQUEST_BOUNDS,
  SERVER,
  type Semantics,
  type Side,
  type WireContext,
} from '../semantics.ts';
import { type HttpDetail, Target } from './detail.ts';
import { METHODS } from './methods.ts';
import { redactTarget, withoutUserinfo } from './redact.ts';

const METHOD_INDEX = new Map<string, number>(METHODS.map((m, i) => [m, i]));
const OTHER = METHODS.length;

/** 9 for 0.9, 10 to 19 for 1.x, 20 for 2. */
export const versionText = (version: number): string =>
  version === 9 ? '0.9' : version === 20 ? '2' : `1.${version - 10}`;

/** Status 0 of a response that was seen: its field refers to something that was lost. */
export const UNKNOWN_STATUS = 'unknown';

/** The method as attributes have it: unknown ones are `_OTHER`. */
const methodName = (x: Exchange): string => (METHOD_INDEX.has(x.operation) ? x.operation : '_OTHER');

const ABSOLUTE = /^([a-z][a-z0-9+.-]{0,10}):\/\/([^/?#]*)/i;

/** CONNECT names an authority, except in HTTP/2 where it opens a stream of another protocol at a path (RFC 8441). */
const namesAuthority = (x: Exchange): boolean => x.operation === 'CONNECT' && !x.target.startsWith('/');

/** Takes the redacted target apart; the absolute form (RFC 9112 section 3.2.2) gives scheme and authority as well. */
function takeApart(x: Exchange): Target {
  const t = new Target();
  let rest = redactTarget(x.target);
  if (namesAuthority(x)) {
    t.authority = withoutUserinfo(rest);
    rest = '';
  } else {
    const m = rest.startsWith('/') ? null : ABSOLUTE.exec(rest);
    if (m !== null) {
      t.scheme = m[1]!.toLowerCase();
      t.authority = withoutUserinfo(m[2]!);
      rest = rest.slice(m[0].length) || '/';
    }
  }
  const q = rest.indexOf('?');
  t.path = q < 0 ? rest : rest.slice(0, q);
  t.query = q < 0 ? '' : rest.slice(q + 1);
  return t;
}

/** The target's parts, made once for the spans of both sides. */
function targetOf(x: Exchange): Target {
  const d = x.detail as HttpDetail | null;
  if (d === null) return takeApart(x);
  if (d.target === null) {
    d.target = takeApart(x);
    if (d.scheme !== '') d.target.scheme = d.scheme;
  }
  return d.target;
}

export interface Authority {
  readonly host: string;
  /** 0 when none is given or it is no number. */
  readonly port: number;
}

/** Authorities come again and again; 256 of them are kept, then all are forgotten. */
const AUTHORITIES = new Map<string, Authority>();
const MAX_AUTHORITIES = 256;

/** `example.org:8080` -> name and port, userinfo left out. */
export function hostPort(text: string): Authority {
  const known = AUTHORITIES.get(text);
  if (known !== undefined) return known;
  const authority = withoutUserinfo(text);
  const m = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
  const made =
    m === null ? { host: authority, port: 0 } : { host: m[1]!.replace(/^\[|\]$/g, ''), port: Number(m[2] ?? 0) };
  if (AUTHORITIES.size >= MAX_AUTHORITIES) AUTHORITIES.clear();
  AUTHORITIES.set(text, made);
  return made;
}

/** The port of a scheme need not be said (RFC 9110 section 4.2, RFC 6455 section 3); proxies know FTP as well. */
const SCHEME_PORTS: Readonly<Record<string, number>> = { http: 80, ws: 80, https: 443, wss: 443, ftp: 21 };

const schemePort = (scheme: string): number => SCHEME_PORTS[scheme] ?? 0;

function fullUrl(t: Target, address: string, port: number): string {
  const v6 = address.includes(':');
  const unsaid = port === 0 || port === schemePort(t.scheme);
  const authority = unsaid ? (v6 ? `[${address}]` : address) : endpointText(v6 ? 6 : 4, address, port);
  const path = t.path === '*' ? '' : t.path; // OPTIONS of the server as a whole (RFC 9112 section 3.2.4)
  return `${t.scheme}://${authority}${path}${t.query && `?${t.query}`}`;
}

/** The target names another server than the one that was asked: a proxy, whose port says nothing of it. CONNECT has no port unless it says it. */
const unsaidPort = (x: Exchange, t: Target): number => (namesAuthority(x) ? 0 : schemePort(t.scheme));

function attributes(x: Exchange, side: Side, route: string, put: AttributeSink): void {
  const d = x.detail as HttpDetail | null;
  const t = targetOf(x);
  const method = methodName(x);
  put.string('http.request.method', method);
  if (method === '_OTHER' && x.operation !== UNKNOWN) put.string('http.request.method_original', x.operation);
  if (x.status > 0) put.int('http.response.status_code', x.status);
  put.string('network.protocol.version', versionText(x.version));
  const forwarded = side === SERVER && d !== null ? d.forwardedHost : '';
  const named = hostPort(forwarded || t.authority || d?.host || '');
  const address = named.host || x.ends.serverAddress;
  const port = named.port || (forwarded === '' && t.authority !== '' ? unsaidPort(x, t) : x.ends.serverPort);
  put.string('server.address', address);
  if (port > 0) put.int('server.port', port);
  const known = x.target !== UNKNOWN;
  if (side === CLIENT) {
    if (known) put.string('url.full', namesAuthority(x) ? t.authority : fullUrl(t, address, port));
    if (route !== '') put.string('url.template', route);
  } else {
    put.string('url.scheme', d?.forwardedProto || t.scheme);
    if (known) put.string('url.path', t.path);
    if (t.query !== '') put.string('url.query', t.query);
    if (route !== '') put.string('http.route', route);
    if (d !== null && d.forwardedFor !== '') put.string('client.address', hostPort(d.forwardedFor).host);
  }
  if (d !== null && d.userAgent !== '') put.string('user_agent.original', d.userAgent);
  if (d !== null && d.graphqlType !== '') put.string('graphql.operation.type', d.graphqlType);
  if (d !== null && d.graphqlName !== '') put.string('graphql.operation.name', d.graphqlName);
}

/** Meaning of an HTTP exchange by the HTTP semantic conventions (stable, 1.45). */
export const httpSemantics: Semantics = {
  spans: 'pair',
  connectionType: '',
  clientDuration: {
    name: 'http.client.request.duration',
    description: 'Duration of HTTP client requests.',
    bounds: REQUEST_BOUNDS,
  },
  serverDuration: {
    name: 'http.server.request.duration',
    description: 'Duration of HTTP server requests.',
    bounds: REQUEST_BOUNDS,
  },

  operation: (x, raw) => `${x.operation} ${raw ? x.target : redactTarget(x.target)}`,

  status: (x) => (x.status > 0 ? String(x.status) : null),

  path: (x) => {
    if (namesAuthority(x)) return withoutUserinfo(x.target);
    const t = x.target;
    if (!t.startsWith('/')) return takeApart(x).path;
    const q = t.indexOf('?');
    return q < 0 ? t : t.slice(0, q);
  },

  spanName: (x, _side, route) => {
    const method = METHOD_INDEX.has(x.operation) ? x.operation : 'HTTP';
    return route === '' ? method : `${method} ${route}`;
  },

  errorType: (x, side) => {
    const failed = failureOf(x);
    if (failed !== '') return failed;
    return x.status >= 500 || (side === CLIENT && x.status >= 400) ? String(x.status) : '';
  },

  attributes,

  seriesKey: (x) => {
    const method = METHOD_INDEX.get(x.operation) ?? OTHER;
    return method | (x.status << 4) | (x.outcome << 14) | (x.version << 18);
  },

  dimensions: (x, side, route, put) => {
    put.string('http.request.method', methodName(x));
    if (x.status > 0) put.int('http.response.status_code', x.status);
    put.string('network.protocol.version', versionText(x.version));
    if (side === SERVER) put.string('url.scheme', 'http');
    else {
      put.string('server.address', x.ends.serverAddress);
      put.int('server.port', x.ends.serverPort);
    }
    if (route !== '') put.string(side === SERVER ? 'http.route' : 'url.template', route);
  },

  context: (x): WireContext | null => {
    const d = x.detail as HttpDetail | null;
    if (d === null || (d.traceparent === '' && d.b3 === '' && d.uberTraceId === '' && d.sw8 === '')) return null;
    return d;
  },
};
