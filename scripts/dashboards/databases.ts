import { choice, dashboard } from './dashboard.ts';
import { failedFigure } from './figures.ts';
import { headline, lines, row, table } from './panels.ts';
import { AGENT, AGENT_CHOICE, ERROR_BOUNDS, quantile, rate, share, statement, sum, sumRate } from './queries.ts';

const DURATION = 'db_client_operation_duration_seconds';
const COUNT = `${DURATION}_count`;
const SELECTED = `${AGENT}, db_system_name=~"$system", service_name=~"$client", service_peer_name=~"$database"`;
const FAILED = `${SELECTED}, error_type!=""`;
const STATEMENT = 'db_system_name, service_peer_name, statement';

const byStatement = (metric: string, matchers = SELECTED): string => sum(STATEMENT, statement(rate(metric, matchers)));

/** Those that servers spend most time on. */
const top = (n: number): string => `topk(${n}, ${byStatement(`${DURATION}_sum`)})`;
const ofTop = (expr: string): string => `${expr} and on (${STATEMENT}) ${top(25)}`;

const LEGEND = '{{db_system_name}} {{service_peer_name}}';
const SYSTEM = 'db_system_name, service_peer_name';

export const databases = dashboard({
  uid: 'spantap-databases',
  title: 'spantap: databases and top statements',
  description: 'Databases and caches as their clients experience them; statements with their literals masked.',
  variables: [
    AGENT_CHOICE,
    choice({
      name: 'system',
      label: 'System',
      description: 'mysql, postgresql, redis and so on.',
      of: COUNT,
      value: 'db_system_name',
      all: true,
    }),
    choice({
      name: 'database',
      label: 'Database',
      description: 'The server that is asked.',
      of: `${COUNT}{db_system_name=~"$system"}`,
      value: 'service_peer_name',
      all: true,
    }),
    choice({
      name: 'client',
      label: 'Client',
      description: 'The service that asks.',
      of: `${COUNT}{db_system_name=~"$system", service_peer_name=~"$database"}`,
      value: 'service_name',
      all: true,
    }),
  ],
  panels: [
    ...headline(
      {
        title: 'Operations',
        description: 'Statements and commands, each second.',
        expr: sumRate('', COUNT, SELECTED),
        unit: 'ops',
      },
      failedFigure(
        'Share of the operations that the server answered with an error, or not at all.',
        `(${sumRate('', COUNT, FAILED)} or vector(0)) / ${sumRate('', COUNT, SELECTED)}`,
      ),
      {
        title: 'Duration, 95 %',
        description: '95 of 100 operations were answered within this time.',
        expr: quantile(0.95, '', DURATION, SELECTED),
        unit: 's',
      },
      {
        title: 'Under way',
        description:
          'Operations that the servers are working on at a time, on average: the load that clients put on them.',
        expr: sumRate('', `${DURATION}_sum`, SELECTED),
        unit: 'none',
        decimals: 2,
      },
    ),
    lines({
      title: 'Operations',
      description: 'Statements and commands by server, each second.',
      queries: [{ expr: sumRate(SYSTEM, COUNT, SELECTED), legend: LEGEND }],
      unit: 'ops',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Duration, 95 %',
      description: '95 of 100 operations of each server were answered within this time.',
      queries: [{ expr: quantile(0.95, SYSTEM, DURATION, SELECTED), legend: LEGEND }],
      unit: 's',
      w: 8,
      h: 9,
    }),
    lines({
      title: 'Errors by code',
      description: "The server's own error codes, and the ways in which an answer stayed out.",
      queries: [
        { expr: sumRate('db_system_name, error_type', COUNT, FAILED), legend: '{{db_system_name}} {{error_type}}' },
      ],
      unit: 'ops',
      stacked: true,
      w: 8,
      h: 9,
    }),
    row('Statements'),
    table({
      title: 'Top statements by time',
      description:
        'The 25 statements that servers spend most time on. Load: how many of them are under way at a time, on average.',
      queries: [
        { refId: 'load', expr: top(25) },
        { refId: 'rate', expr: ofTop(byStatement(COUNT)) },
        { refId: 'mean', expr: ofTop(`${byStatement(`${DURATION}_sum`)} / (${byStatement(COUNT)} > 0)`) },
        {
          refId: 'p95',
          expr: ofTop(
            `histogram_quantile(0.95, ${sum(`le, ${STATEMENT}`, statement(rate(`${DURATION}_bucket`, SELECTED)))})`,
          ),
        },
        { refId: 'failed', expr: ofTop(`${byStatement(COUNT, FAILED)} / (${byStatement(COUNT)} > 0)`) },
      ],
      columns: [
        { from: 'db_system_name', title: 'System' },
        { from: 'service_peer_name', title: 'Server' },
        { from: 'statement', title: 'Statement' },
        { from: 'load', title: 'Load', unit: 'none' },
        { from: 'rate', title: 'Each second', unit: 'ops' },
        { from: 'mean', title: 'Mean', unit: 's' },
        { from: 'p95', title: '95 %', unit: 's' },
        { from: 'failed', title: 'Failed', unit: 'percentunit', bounds: ERROR_BOUNDS },
      ],
      sortBy: 'Load',
      w: 24,
      h: 13,
    }),
    lines({
      title: 'Load by statement',
      description: 'The ten statements that servers spend most time on.',
      queries: [{ expr: top(10), legend: '{{service_peer_name}}: {{statement}}' }],
      unit: 'none',
      stacked: true,
      w: 12,
      h: 9,
    }),
    lines({
      title: 'Operations by client',
      description: 'The services that ask.',
      queries: [{ expr: sumRate('service_name', COUNT, SELECTED), legend: '{{service_name}}' }],
      unit: 'ops',
      stacked: true,
      w: 12,
      h: 9,
    }),
    row('Names'),
    lines({
      title: 'Lookups in DNS, 95 %',
      description: 'How long resolvers take, by the service that asks.',
      queries: [
        { expr: quantile(0.95, 'service_name', 'dns_lookup_duration_seconds', AGENT), legend: '{{service_name}}' },
      ],
      unit: 's',
      w: 12,
      h: 8,
    }),
    lines({
      title: 'Failed lookups',
      description: 'Share of the questions that resolvers answered with an error, or not at all.',
      queries: [
        {
          expr: share(
            'service_name',
            rate('dns_lookup_duration_seconds_count', `${AGENT}, error_type!=""`),
            rate('dns_lookup_duration_seconds_count', AGENT),
          ),
          legend: '{{service_name}}',
        },
      ],
      unit: 'percentunit',
      bounds: ERROR_BOUNDS,
      w: 12,
      h: 8,
    }),
  ],
});
