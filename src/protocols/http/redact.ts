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
      let name = pair.slice(0, eq).toLowerCase();
      try {
        name = decodeURIComponent(name);
      } catch {
        // not percent-encoding: compared as it stands
      }
      return SECRET_PARAMETERS.has(name) ? `${pair.slice(0, eq)}=${REDACTED}` : pair;
    })
    .join('&');
}

/** A request target with the values of credential parameters, and any userinfo of its absolute form, replaced. */
export function redactTarget(target: string): string {
  let t = target;
  const scheme = t.indexOf('://');
  if (scheme > 0 && scheme < 12) {
    const rest = t.slice(scheme + 3);
    const authority = rest.slice(0, /[/?#]/.exec(rest)?.index ?? rest.length);
    const at = authority.lastIndexOf('@');
    if (at >= 0) t = `${t.slice(0, scheme + 3)}${REDACTED}:${REDACTED}@${rest.slice(at + 1)}`;
  }
  const q = t.indexOf('?');
  if (q < 0) return t;
  const hash = t.indexOf('#', q);
  const end = hash < 0 ? t.length : hash;
  return `${t.slice(0, q + 1)}${redactQuery(t.slice(q + 1, end))}${t.slice(end)}`;
}
