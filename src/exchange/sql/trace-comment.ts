/**
 * Trace context in a comment, as SQL commenters write it: key='value' pairs parted by commas, keys and values URL-encoded,
 * in a comment at the statement's end or, some of them, at its beginning. One inside the statement is not looked for: it
 * would have to be told from the content of a literal.
 */

const TRACEPARENT =
  /(?:^|[,\s*])traceparent\s*=\s*'([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[0-9a-f-]{0,64})?)'/;
/** At most 32 members (W3C Trace Context 3.3.1.1), which may be longer URL-encoded; 2,048 characters hold those in use. */
const TRACESTATE = /(?:^|[,\s*])tracestate\s*=\s*'([^'\\]{1,2048})'/;

/** W3C Trace Context's traceparent as it was sent, '' when there is none. */
export function traceparentOf(statement: string): string {
  return found(statement, TRACEPARENT);
}

/** W3C Trace Context's tracestate, decoded, '' when there is none. */
export function tracestateOf(statement: string): string {
  const encoded = found(statement, TRACESTATE);
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return '';
  }
}

function found(statement: string, pattern: RegExp): string {
  return pattern.exec(lastComment(statement))?.[1] ?? pattern.exec(firstComment(statement))?.[1] ?? '';
}

/** A statement that ends in asterisk and slash ends in a comment: literals end in other characters. */
function lastComment(statement: string): string {
  const text = statement.trimEnd();
  const end = text.endsWith(';') ? text.slice(0, -1).trimEnd() : text;
  if (!end.endsWith('*/')) return '';
  const from = end.lastIndexOf('/*', end.length - 4);
  return from < 0 ? '' : end.slice(from + 2, -2);
}

function firstComment(statement: string): string {
  const text = statement.trimStart();
  if (!text.startsWith('/*')) return '';
  const to = text.indexOf('*/', 2);
  return to < 0 ? '' : text.slice(2, to);
}
