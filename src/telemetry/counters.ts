/** What the telemetry room counts (`telemetry.*`). */
export class TelemetryCounters {
  /** Spans handed over, and the batches they went in. */
  spans = 0;
  batches = 0;
  /** Exchanges whose identity had been seen within ten seconds: a packet captured at two interfaces. Not counted again. */
  duplicates = 0;
  /** Spans left out, and spans without their optional attributes, because memory was short. */
  spansShed = 0;
  detailShed = 0;
  /** Spans left out because the request's trace context says that its trace is not sampled. */
  unsampled = 0;
  /** CLIENT spans left out because the caller carries a tracing library and exports its own. */
  clientSuppressed = 0;
  /** CLIENT spans of callers that passed on the context of a request they were serving. */
  passedThrough = 0;
  /** Attribute values shortened or left out. */
  attributesCut = 0;
  /** Exchanges that went to an overflow series, and those for which there was not even that (the graph's counted them). */
  seriesOverflow = 0;
  seriesRefused = 0;
  /** Series forgotten because nothing was counted in them for long. */
  seriesExpired = 0;
}
