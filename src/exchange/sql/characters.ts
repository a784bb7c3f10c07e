/** Characters by code. NaN, which charCodeAt gives behind the end, is of no kind. */

const code = (c: string): number => c.charCodeAt(0);

export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const BANG: number = code('!');
export const DOUBLE_QUOTE: number = code('"');
export const HASH: number = code('#');
export const DOLLAR: number = code('$');
export const AMPERSAND: number = code('&');
export const APOSTROPHE: number = code("'");
export const OPEN: number = code('(');
export const CLOSE: number = code(')');
export const STAR: number = code('*');
export const PLUS: number = code('+');
export const COMMA: number = code(',');
export const MINUS: number = code('-');
export const DOT: number = code('.');
export const SLASH: number = code('/');
export const ZERO: number = code('0');
export const COLON: number = code(':');
export const SEMICOLON: number = code(';');
export const QUESTION: number = code('?');
export const AT: number = code('@');
export const UPPER_M: number = code('M');
export const BACKSLASH: number = code('\\');
export const CLOSE_SQUARE: number = code(']');
export const UNDERSCORE: number = code('_');
export const BACKTICK: number = code('`');
export const LOWER_A: number = code('a');
export const LOWER_B: number = code('b');
export const LOWER_E: number = code('e');
export const LOWER_N: number = code('n');
export const LOWER_U: number = code('u');
export const LOWER_X: number = code('x');
const DELETE = 127;

/** Makes ASCII letters of both cases fall together. */
export const FOLD = 32;

const OTHER = 0;
const LETTER = 1;
/** No name begins with these. */
const PART = 2;
const CLASS = new Uint8Array(128).fill(OTHER);
CLASS[DOLLAR] = PART;
for (let c = LOWER_A; c < LOWER_A + 26; c++) CLASS[c] = CLASS[c - FOLD] = LETTER;
CLASS[UNDERSCORE] = LETTER;
for (let c = ZERO; c < ZERO + 10; c++) CLASS[c] = PART;

export const isDigit = (c: number): boolean => c >= ZERO && c <= ZERO + 9;
export const isLetter = (c: number): boolean => (c | FOLD) >= LOWER_A && (c | FOLD) < LOWER_A + 26;
export const isHexDigit = (c: number): boolean => isDigit(c) || ((c | FOLD) >= LOWER_A && (c | FOLD) < LOWER_A + 6);
/** Everything outside ASCII may stand in a name, as in both servers. */
export const isNameStart = (c: number): boolean => c >= 128 || CLASS[c] === LETTER;
export const isNamePart = (c: number): boolean => c >= 128 || CLASS[c]! > OTHER;
/** A space or control character, or the end. */
export const isBlank = (c: number): boolean => !(c > SPACE) || c === DELETE;
