import { putServer } from '../../exchange/database.ts';
import { type Exchange, failureOf } from '../../exchange/exchange.ts';
import { REQUEST_BOUNDS, type Semantics } from '../../exchange/semantics.ts';
import type { DnsDetail } from './exchange-detail.ts';
import { metricName, metricNameId } from './metric-names.ts';
import { opcodeName, QUERY, rcodeName, typeName } from './registry.ts';

export const PORT = 53;

const errorType = (x: Exchange): string => failureOf(x) || (x.status === 0 ? '' : rcodeName(x.status));

const nameId = (x: Exchange): number => (x.target === '' ? 0 : metricNameId(x.target));

/**
 * Meaning of a question by the DNS semantic conventions (development): they have a metric and two attributes; the span and what is named
 * `spantap.dns.*` are ours.
 */
export const dnsSemantics: Semantics = {
  spans: 'client',
  // everybody asks the resolver: such edges would say nothing of who works with whom
  connectionType: null,
  clientDuration: {
    name: 'dns.lookup.duration',
    description: 'Measures the time taken to perform a DNS lookup.',
    bounds: REQUEST_BOUNDS,
  },
  serverDuration: null,

  // names are what is asked: there is nothing to hide in them
  operation: (x) => (x.target === '' ? x.operation : `${x.operation} ${x.target}`),
  status: (x) => (Number.isNaN(x.firstByteNs) ? null : String(x.status)),
  path: (x) => x.target.toLowerCase(),

  spanName: (x) => `DNS ${x.operation}`,
  errorType,
  attributes: (x, _side, _route, put) => {
    if (x.target !== '') put.string('dns.question.name', x.target);
    putServer(x, PORT, put);
    const d = x.detail as DnsDetail | null;
    if (d === null) return;
    put.string('network.transport', d.tcp ? 'tcp' : 'udp');
    if (d.type !== 0) put.string('spantap.dns.question.type', typeName(d.type));
    if (d.opcode !== QUERY) put.string('spantap.dns.opcode', opcodeName(d.opcode));
    if (d.truncated) put.boolean('spantap.dns.truncated', true);
    if (d.answers.length > 0) put.strings('dns.answers', d.answers);
  },

  // 12 bits of rcode, 4 of outcome, the name above them
  seriesKey: (x) => nameId(x) * 2 ** 16 + (x.status | (x.outcome << 12)),
  dimensions: (x, _side, _route, put) => put.string('dns.question.name', metricName(nameId(x))),

  context: () => null,
};
