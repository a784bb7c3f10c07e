export const OK = 0;
/** Cannot start, or could not deliver. */
export const CANNOT = 1;
/** The input was damaged; what could be read was delivered. */
export const DAMAGED = 2;
/** A command line that means nothing (sysexits.h EX_USAGE). */
export const USAGE = 64;
