/** The demo's services and their visitors alone, until SIGTERM: for an agent that runs elsewhere (compose.yaml). */
import { Services } from './services.ts';

const PARALLEL_VISITORS = 8;

const services = new Services();
const stopped = new Promise((done) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, done);
});
const missing = await services.start();
if (missing.length > 0) console.log(`without ${missing.join(' and ')}, not installed here`);
await services.connect();
const visits = services.visit(PARALLEL_VISITORS);
console.log(`open: ${services.pairs.map((pair) => pair.join(' -> ')).join(', ')}`);
await stopped;
services.close();
await visits;
await services.stop();
console.log(`${services.visits} visits, ${services.failures} of them failed`);
