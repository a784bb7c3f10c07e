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

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
};

/** Why the system does not open a file, in words for people. */
export function fileReason({ code, message }: NodeJS.ErrnoException): string {
  return REASONS[code ?? ''] ?? message;
}
