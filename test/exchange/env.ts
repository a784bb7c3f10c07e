import type { Budget } from '../../src/bytes/budget.ts';
import type { PairingEnv } from '../../src/exchange/book.ts';
import type { ExchangeCounters } from '../../src/exchange/counters.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { CommonTables } from '../../src/exchange/table.ts';

/** What a pairing needs around it: a timeout of a minute, a silence of five seconds, and `told` for what it tells. */
export function pairingEnv(
  told: Exchange[],
  counters: ExchangeCounters,
  budget: Budget,
  o: { readonly maxInFlight?: number; readonly detail?: 0 | 2 },
): PairingEnv {
  return {
    listener: { finished: (x) => void told.push(x) },
    counters,
    budget,
    owner: budget.owner('exchanges'),
    tableOwner: budget.owner('tables'),
    common: new CommonTables({ counters, budget, tableOwner: budget.owner('common') }),
    maxStatementBytes: 4096,
    names: null,
    timeoutNs: 60e9,
    quietNs: 5e9,
    maxInFlight: o.maxInFlight ?? 100,
    detail: o.detail ?? 0,
  };
}
