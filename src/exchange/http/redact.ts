/**
 * Query parameters whose values are credentials. The first seven are those that the HTTP conventions name for url.full and url.query; the
 * others are what services commonly call a secret. Compared in lower case.
 */
const SECRET_PARAMETERS = new Set([
  'x-amz-signature',
  'x-amz-credential',
  'x-amz-security-token',
  'awsaccesskeyid',
  'signature',
  'sig',
  'x-goog-signature',
  'access_token',
  'accesstoken',
  'apikey',
  'api_key',
  'api-key',
  'auth',
  'authorization',
  'client_secret',
  'code',
  'id_token',
  'jwt',
  'key',
  'pass',
  'passwd',
  'password',
  'pwd',
  'refresh_token',
  'secret',
  'session',
  'sessionid',
  'session_id',
  'sid',
  'token',
  'x-api-key',
]);

const REDACTED = 'REDACTED';

function redactQuery(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const eq = pair.indexOf('=');
      if (eq < 0) return pair;
      let name = pair.slice(0, eq);
      try {
        name = decodeURIComponent(name);
      } catch {
        // not percent-encoding: compared as it stands
      }
      return SECRET_PARAMETERS.has(name.toLowerCase()) ? `${pair.slice(0, eq)}=${REDACTED}` : pair;
    })
    .join('&');
}

/** An authority (RFC 3986 section 3.2) without its userinfo. */
export const withoutUserinfo = (authority: string): string => authority.slice(authority.lastIndexOf('@') + 1);

/** A request target with the values of credential parameters, and any userinfo of its absolute or authority form, replaced. */
export function redactTarget(target: string): string {
  let t = target;
  const scheme = t.indexOf('://');
  if (scheme > 0 && scheme < 12) {
    const rest = t.slice(scheme + 3);
    const authority = rest.slice(0, /[/?#]/.exec(rest)?.index ?? rest.length);
    const at = authority.lastIndexOf('@');
    if (at >= 0) t = `${t.slice(0, scheme + 3)}${REDACTED}:${REDACTED}@${rest.slice(at + 1)}`;
  }
  if (scheme < 0 && !t.startsWith('/') && /^[^/?#]*@/.test(t)) t = `${REDACTED}:${REDACTED}@${withoutUserinfo(t)}`;
  const q = t.indexOf('?');
  if (q < 0) return t;
  const hash = t.indexOf('#', q);
  const end = hash < 0 ? t.length : hash;
  return `${t.slice(0, q + 1)}${redactQuery(t.slice(q + 1, end))}${t.slice(end)}`;
}
