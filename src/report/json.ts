/** One JSON object for each exchange, one on a line, in the order in which exchanges come to their end. */

import { endpointText } from '../bytes/address.ts';
import type { Timebase } from '../bytes/timebase.ts';
import { COMPLETE, type Exchange, type ExchangeListener, ONE_WAY, OUTCOMES, UNSEEN } from '../exchange/exchange.ts';
import { type AttributeSink, CLIENT } from '../exchange/semantics.ts';
import type { Namer, Service } from '../naming/service.ts';
import { Identity, wordHex } from '../telemetry/identity.ts';
import { putDetail, putPeer } from '../telemetry/tracing.ts';
import type { Output } from './output.ts';

export class JsonLines implements ExchangeListener {
  readonly #out: Output;
  readonly #timebase: Timebase;
  readonly #namer: Namer;
  readonly #raw: boolean;
  readonly #ids = new Identity();
  readonly #attributes = new JsonAttributes();

  /** `raw`: operations as on the wire, with whatever secrets they hold. */
  constructor(out: Output, timebase: Timebase, namer: Namer, raw: boolean) {
    this.#out = out;
    this.#timebase = timebase;
    this.#namer = namer;
    this.#raw = raw;
  }

  finished(x: Exchange): void {
    const { ends: e, protocol, startNs } = x;
    const s = protocol.semantics;
    const ids = this.#ids;
    ids.derive(x);
    const status = s.status(x);
    // what ended otherwise has an end too (the RST, the time-out), but not that of a response
    const endNs = x.outcome === COMPLETE ? x.endNs : UNSEEN;
    const client = endpointText(e.ipVersion, e.clientAddress, e.clientPort);
    const server = endpointText(e.ipVersion, e.serverAddress, e.serverPort);
    // Packets without time stamps (pcapng simple packets) stand at the epoch: nothing is known of their times.
    const startSec = this.#timebase.text(startNs);
    const timed = startSec !== '0.000000000';
    const since = (ns: number): string => (timed ? ms(ns - startNs) : 'null');
    this.#out.write(
      `{"protocol":"${protocol.name}","client":"${client}","server":"${server}","start":${timed ? `"${startSec}"` : 'null'}` +
        `,"requestEndMs":${since(x.requestEndNs)},"firstByteMs":${since(x.firstByteNs)},"endMs":${since(endNs)}` +
        `,"operation":${JSON.stringify(s.operation(x, this.#raw))},"status":${JSON.stringify(status)}` +
        `,"error":${status === null ? null : x.failed},"complete":${x.outcome === COMPLETE}` +
        `,"noResponseExpected":${x.outcome === ONE_WAY},"requestBytes":${x.requestBytes},"responseBytes":${x.responseBytes}` +
        `,"traceId":"${wordHex(ids.trace0)}${wordHex(ids.trace1)}${wordHex(ids.trace2)}${wordHex(ids.trace3)}"` +
        `,"spanId":"${wordHex(ids.client0)}${wordHex(ids.client1)}","attributes":${this.#attributes.of(x, this.#server(x))}}\n`,
    );
  }

  #server(x: Exchange): Service {
    const e = x.ends;
    return this.#namer.service(e.ipVersion, e.server0, e.server1, e.server2, e.server3, e.serverPort);
  }
}

/** Milliseconds with up to six decimals, null if not seen. */
function ms(ns: number): string {
  return Number.isNaN(ns) ? 'null' : String(Math.round(ns) / 1e6);
}

/** Attributes as the text of a JSON object. */
class JsonAttributes implements AttributeSink {
  #text = '';

  /** What the CLIENT span of `x` says, in the same order. */
  of(x: Exchange, server: Service): string {
    const s = x.protocol.semantics;
    this.#text = '';
    s.attributes(x, CLIENT, '', this);
    const error = s.errorType(x, CLIENT);
    if (error !== '') this.string('error.type', error);
    putPeer(server, this);
    if (x.outcome !== COMPLETE) this.string('spantap.outcome', OUTCOMES[x.outcome]!);
    putDetail(x, CLIENT, this);
    return `{${this.#text}}`;
  }

  string(key: string, value: string): void {
    this.#put(key, JSON.stringify(value));
  }
  int(key: string, value: number): void {
    this.#put(key, String(value));
  }
  double(key: string, value: number): void {
    this.#put(key, String(value));
  }
  boolean(key: string, value: boolean): void {
    this.#put(key, String(value));
  }
  strings(key: string, values: readonly string[]): void {
    this.#put(key, JSON.stringify(values));
  }

  #put(key: string, json: string): void {
    this.#text += `${this.#text === '' ? '' : ','}"${key}":${json}`;
  }
}
