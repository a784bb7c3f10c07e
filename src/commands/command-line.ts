/** What can be typed. Each command's work is loaded when it is asked for: help and small files shall not wait for the rest. */
import { Command, CommanderError, Option } from 'commander';
import { SpantapError } from '../self/errors.ts';
import { VERSION } from '../self/version.ts';
import { CANNOT, OK, USAGE } from './exit-codes.ts';

const EXAMPLES = {
  spantap: `
Examples:
  spantap run                          capture every interface, export to http://localhost:4318
  spantap run -i eth0 'tcp port 80'    one interface, one port
  spantap read capture.pcap            who talked to whom, how fast, with how many errors
  spantap check -c agent.yaml          what a configuration means, or all that is wrong with it

Exit codes: 0 fine, 1 cannot start or deliver, 2 the input was damaged (what could be read was delivered), 64 usage.`,
  run: `
FILTER is a tcpdump expression; it goes before capture.filter of the configuration.

Examples:
  spantap run
  spantap run -i eth0 -i lo 'tcp port 80 or tcp port 8080'
  OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 spantap run -c agent.yaml

Capturing needs root or CAP_NET_RAW; in a container: securityContext.capabilities.add: [NET_RAW].`,
  read: `
FILE is a pcap or pcapng file, as it is or compressed with gzip or zstd; - is standard input.

Formats:
  table       pairs of services, routes, and how much of the capture was understood
  json        one object for each exchange
  otlp-json   the spans and metrics as OTLP requests, one on a line

Examples:
  spantap read capture.pcap
  spantap read --format json part1.pcap part2.pcap.gz | jq .operation
  tcpdump -i any -w - | spantap read -
  spantap read --export -c agent.yaml capture.pcapng`,
  devices: `
Examples:
  spantap devices`,
  check: `
Examples:
  spantap check                        the defaults, and what SPANTAP_* variables make of them
  spantap check -c agent.yaml`,
} as const;

/** Runs one command line and returns the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode: number = OK;
  const program = new Command('spantap')
    .description('Passive tracing: turns packets into OpenTelemetry spans and metrics for every pair of services.')
    .version(VERSION)
    .option('--debug', 'show where an error comes from')
    .addHelpText('after', EXAMPLES.spantap)
    .showSuggestionAfterError()
    .showHelpAfterError('(spantap --help tells more)')
    .exitOverride();
  const config = () => new Option('-c, --config <file>', 'configuration file (YAML); SPANTAP_CONFIG names it too');
  const command = (name: keyof typeof EXAMPLES, description: string): Command =>
    program
      .command(name)
      .description(description)
      .addHelpText('after', EXAMPLES[name])
      .showHelpAfterError(`(spantap ${name} --help tells more)`)
      .exitOverride();

  command('run', 'capture packets and export what they say')
    .argument('[filter...]', 'tcpdump filter expression')
    .addOption(config())
    .option('-i, --interface <name>', 'interface to capture; may be given several times', several)
    .action(async (filter: string[], o: { config?: string; interface?: string[] }) => {
      const { run } = await import('./run.ts');
      exitCode = await run({ config: o.config ?? null, interfaces: o.interface ?? [], filter: filter.join(' ') });
    });

  command('read', 'read capture files and report what they say')
    .argument('<file...>', 'capture files, in the order of their time')
    .addOption(config())
    .addOption(
      new Option('--format <format>', 'what to print').choices(['table', 'json', 'otlp-json']).default('table'),
    )
    .option('--raw', 'json: operations as they stood on the wire, secrets included')
    .option('--export', 'send spans and metrics to the configured OTLP endpoint')
    .action(async (files: string[], o: { config?: string; format: string; raw?: boolean; export?: boolean }) => {
      const { read } = await import('./read.ts');
      exitCode = await read({
        files,
        config: o.config ?? null,
        format: o.format as 'table' | 'json' | 'otlp-json',
        raw: o.raw === true,
        export: o.export === true,
      });
    });

  command('devices', 'list the interfaces that can be captured').action(async () => {
    const { devices } = await import('./devices.ts');
    exitCode = devices();
  });

  command('check', 'show the configuration that takes effect, or every mistake in it')
    .addOption(config())
    .action(async (o: { config?: string }) => {
      const { check } = await import('./check.ts');
      exitCode = await check(o.config ?? null);
    });

  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE; // it has told the mistake itself
    process.stderr.write(complaint(error, program.opts().debug === true));
    return error instanceof SpantapError ? error.exitCode : CANNOT;
  }
}

function several(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** Mistakes of people are told in their lines; anything else is a mistake of ours and names itself so. */
function complaint(error: unknown, debug: boolean): string {
  if (debug && error instanceof Error) return `${error.stack}\n`;
  if (error instanceof SpantapError) {
    return `${error.message
      .split('\n')
      .map((line) => `spantap: ${line}\n`)
      .join('')}`;
  }
  return `spantap: internal error: ${String(error)}\nspantap: --debug in front of the command shows where\n`;
}
