/** An error that a person meets: it has a code, says what is wrong and what to do. Printed without a stack. */
export class SpantapError extends Error {
  readonly code: string;
  /** The process exit code that fits: 1 cannot start, 64 usage. */
  readonly exitCode: number;

  constructor(code: string, message: string, exitCode = 1) {
    super(message);
    this.name = 'SpantapError';
    this.code = code;
    this.exitCode = exitCode;
  }
}
