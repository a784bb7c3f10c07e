/**
 * SQLSTATE codes (PostgreSQL documentation, appendix "Error Codes"): five characters 0-9 A-Z, as a number: 1 + the code
 * read in base 36. 36^5 is 60,466,176 and stays a small integer. 0 is left for "none seen".
 */

/** A response has begun, and nothing was said of how it went yet. */
export const PENDING = -1;
/** 00000: all is well. */
export const SUCCESS = 1;
/** An error that came without a code. */
export const NO_CODE = 1 + 36 ** 5;

/** The first class that is an error; 00 is success, 01 a warning. */
const FIRST_ERROR = 1 + 2 * 36 ** 3;

/** What stands for an error without a code: the conventions' word for what is not known. */
const NO_CODE_TEXT = '_OTHER';

export const isError = (status: number): boolean => status >= FIRST_ERROR;

/** The code at `buf[at, at + 5)`; NO_CODE when there is none. */
export function packSqlstate(buf: Buffer, at: number): number {
  let n = 0;
  for (let i = at; i < at + 5; i++) {
    const b = buf[i]!;
    if (b >= 48 && b <= 57) n = n * 36 + b - 48;
    else if (b >= 65 && b <= 90) n = n * 36 + b - 55;
    else return NO_CODE;
  }
  return n + 1;
}

/** The texts of codes that were asked for: 500 or so are defined, programs may invent more; then all are forgotten. */
const TEXTS = new Map<number, string>();
const MAX_TEXTS = 1024;

export function sqlstateText(status: number): string {
  if (status === NO_CODE) return NO_CODE_TEXT;
  const known = TEXTS.get(status);
  if (known !== undefined) return known;
  if (TEXTS.size >= MAX_TEXTS) TEXTS.clear();
  const text = (status - 1).toString(36).toUpperCase().padStart(5, '0');
  TEXTS.set(status, text);
  return text;
}
