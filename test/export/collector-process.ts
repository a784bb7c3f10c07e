/** A Collector for tests that kill it: takes traces at 127.0.0.1:PORT and tells its parent the ids of the spans. */

import { readTraces } from '../telemetry/otlp-reader.ts';
import { fakeCollector } from './collector.ts';

const collector = await fakeCollector(Number(process.argv[2]));
collector.answer = (r, response) => {
  const ids = readTraces(Buffer.from(r.body, 'latin1')).resourceSpans.flatMap((x) =>
    x.scopeSpans.flatMap((s) => s.spans.map((span) => span.spanId)),
  );
  collector.received.length = 0;
  process.send!(ids, () => response.writeHead(200).end()); // what is acknowledged has been told
};
process.send!('listening');
process.on('disconnect', () => process.exit());
