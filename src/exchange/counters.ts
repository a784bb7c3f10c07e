/** What the exchange room counts (`exchange.*`). */
export class ExchangeCounters {
  begun = 0;
  /** Responses whose request nobody saw; never paired with another. */
  unasked = 0;
  /** Responses that came after their request had been given up as a timeout. */
  late = 0;
  /** Requests and responses passed over because order could not be trusted after a loss. */
  quarantinedRequests = 0;
  quarantinedResponses = 0;
  /** Finished pairs thrown away because pipelining was found out after the fact. */
  quarantinedPairs = 0;
  /** Responses refused because their acknowledgement did not cover the request they would have been paired with. */
  refusedByAck = 0;
  /** Requests under a correlation id that was still under way: the older one's answer is not waited for any more. */
  keyReused = 0;
  /** Datagrams that asked again what is under way: sent again because no answer came, or one datagram captured twice. */
  requestsRepeated = 0;
  requestsCopied = 0;
  /** Prepared statements, cursors: entries that made room for others, and such as the memory budget did not allow. */
  tableEvicted = 0;
  tableRefused = 0;
  /** Times that order became unknown. */
  orderLost = 0;
  /** Requests beyond `exchanges.maxInFlight` or the memory budget. */
  refusedInFlight = 0;
  /** Exchanges whose texts (target, statement, headers) the memory budget did not allow. */
  refusedDetail = 0;
}
