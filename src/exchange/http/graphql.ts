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

/** Reads the beginning of a JSON body `buf[from, to)`. */
export function readGraphql(o: GraphqlOperation, buf: Buffer, from: number, to: number): void {
  const text = buf.toString('latin1', from, Math.min(to, from + GRAPHQL_BYTES));
  const named = NAME.exec(text);
  const document = DOCUMENT.exec(text);
  if (document !== null) o.graphqlType = document[1] ?? 'query';
  o.graphqlName = named?.[1] ?? document?.[2] ?? '';
}
