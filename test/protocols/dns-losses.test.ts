import { dnsOverTcp } from '../../src/protocols/dns/index.ts';
import { losses } from '../kit/losses.ts';
import { addressRecord, prefixed, query, response } from './dns-messages.ts';

/** Names of requests and responses; ids come again, as they do in 16 bits. */
const nameOf = (id: number): string => `host-${id}.example`;
const ID_BITS = 0x3f;

losses(dnsOverTcp, {
  request: (id) => prefixed(query(id & ID_BITS, nameOf(id))),
  response(id, random) {
    const answers = Array.from({ length: random.chance(0.2) ? random.between(30, 120) : random.below(4) }, (_, i) =>
      addressRecord(`10.0.0.${i}`),
    );
    return prefixed(response(id & ID_BITS, nameOf(id), 'A', answers, { rcode: this.status(id) }));
  },
  status: (id) => id % 6,
  asked: (target) => Number(/\d+/.exec(target)![0]),
});
