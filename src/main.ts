/** The `spantap` program. */
import { runCommandLine } from './commands/command-line.ts';

// Who reads what is printed may leave early (`| head`): that is no error, and what is left to say is said to nobody.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2));
