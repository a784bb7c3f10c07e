/** Methods that need no string of their own: their index goes into metric keys. RFC 9110 section 9, RFC 5789, the QUERY draft. */
export const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
] as const;
