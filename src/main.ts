/** The `spantap` program. */
import { runCommandLine } from './commands/command-line.ts';
import { CANNOT } from './commands/exit-codes.ts';

// Who reads what is printed may leave early (`| head`): that is no error, and what is left to say is said to nobody.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    if (stream === process.stdout) process.stderr.write(`spantap: The output cannot be written: ${error.message}\n`);
    process.exit(CANNOT);
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2));
