/** What a GraphQL request asks for (GraphQL over HTTP, draft 2024, section 5): the name and type of its operation, nothing else of it. */

/** Bytes of a body that are looked at. */
export const GRAPHQL_BYTES = 1024;

const ENDPOINT = /\/graphql(?:[/?]|$)/i;
const NAME = /"operationName"\s*:\s*"([_A-Za-z]\w{0,99})"/;
/** The beginning of a document in JSON: blanks, line ends and comments are escaped or not there. */
const DOCUMENT =
  /"query"\s*:\s*"(?:\s|\\[nrt]|,)*(?:(query|mutation|subscription)\b(?:\s|\\[nrt])*([_A-Za-z]\w{0,99})?|\{)/;

/** Is this where GraphQL is usually served? Only the path can tell before the body is there. */
export const isGraphql = (target: string): boolean => ENDPOINT.test(target);

export interface GraphqlOperation {
  /** `query`, `mutation` or `subscription`; '' when the body does not show it within the bound. */
  graphqlType: string;
  /** '' for an anonymous operation. */
  graphqlName: string;
}

/** The beginning of a document as it stands. */
const BARE_DOCUMENT = /^(?:\s|,|#.*)*(?:(query|mutation|subscription)\b\s*([_A-Za-z]\w{0,99})?|\{)/;
const BARE_NAME = /^[_A-Za-z]\w{0,99}$/;

/** Reads the beginning of a JSON body `buf[from, to)`. */
export function readGraphql(o: GraphqlOperation, buf: Buffer, from: number, to: number): void {
  const text = buf.toString('latin1', from, Math.min(to, from + GRAPHQL_BYTES));
  note(o, NAME.exec(text)?.[1], DOCUMENT.exec(text));
}

/** Reads the parameters of a target (section 6.2.1 there: GET). */
export function readGraphqlTarget(o: GraphqlOperation, target: string): void {
  const q = target.indexOf('?');
  if (q < 0) return;
  const document = parameter(target, q, 'query');
  const name = parameter(target, q, 'operationName');
  note(o, BARE_NAME.test(name) ? name : undefined, BARE_DOCUMENT.exec(document));
}

function note(o: GraphqlOperation, name: string | undefined, document: RegExpExecArray | null): void {
  if (document !== null) o.graphqlType = document[1] ?? 'query';
  o.graphqlName = name ?? document?.[2] ?? o.graphqlName;
}

/** The beginning of the value of that parameter, as forms encode it; '' without it. */
function parameter(target: string, query: number, name: string): string {
  for (let at = query + 1; at > 0; at = target.indexOf('&', at) + 1) {
    if (!target.startsWith(`${name}=`, at)) continue;
    const from = at + name.length + 1;
    const to = target.indexOf('&', from);
    return target
      .slice(from, Math.min(to < 0 ? target.length : to, from + GRAPHQL_BYTES))
      .replaceAll('+', ' ')
      .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return '';
}
