/** A gRPC service with every kind of call, as often as a test wants them, and what its client says happened. */
import assert from 'node:assert/strict';
import * as grpc from '@grpc/grpc-js';

/** What the server is to do with a call. */
export interface Order {
  /** Status that the call ends with; 0 when it is left out. */
  readonly code?: number;
  /** Messages of the answer, where it is a stream. */
  readonly messages?: number;
  /** Bytes of each message of the answer. */
  readonly bytes?: number;
  /** Waits so long before it answers. */
  readonly ms?: number;
}

/** One call by the client's own account. */
export interface Call {
  readonly method: string;
  readonly startMs: number;
  endMs: number;
  /** Name of the status that the client was told. */
  status: string;
  sent: number;
  received: number;
}

/** No call takes so long; without a deadline one that is never answered would hold up the test for good. */
const MAX_MS = 20_000;

const pack = (value: Order): Buffer => Buffer.from(JSON.stringify(value));
const unpack = (bytes: Buffer): Order => (bytes.length === 0 ? {} : (JSON.parse(bytes.toString()) as Order));
const filled = (bytes: number): Buffer => Buffer.alloc(bytes, 'x');
const same = (bytes: Buffer): Buffer => bytes;

const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path,
  requestStream,
  responseStream,
  requestSerialize: pack,
  requestDeserialize: unpack,
  responseSerialize: same,
  responseDeserialize: same,
});

/** Each kind under so many names, for a test that asks each of them once. */
export const KINDS = ['Unary', 'Down', 'Up', 'Chat'] as const;
export type Kind = (typeof KINDS)[number];
export const pathOf = (kind: Kind, n: number): string => `/test.shop.Shop/${kind}${n}`;
const NAMES = 200;

const failure = (o: Order): grpc.ServiceError =>
  Object.assign(new Error('as was ordered'), { code: o.code ?? 0, details: 'as was ordered' }) as grpc.ServiceError;

const pause = (o: Order): Promise<void> => new Promise((done) => setTimeout(done, o.ms ?? 0));

export class Shop {
  readonly #server: grpc.Server;
  port = 0;
  /** Sets metadata of the trailers for each answer. */
  trailer: (() => grpc.Metadata) | null = null;

  constructor(options: grpc.ServerOptions = {}) {
    this.#server = new grpc.Server(options);
    const service: Record<string, ReturnType<typeof method>> = {};
    const handlers: grpc.UntypedServiceImplementation = {};
    for (let n = 0; n < NAMES; n++) {
      service[`Unary${n}`] = method(pathOf('Unary', n), false, false);
      service[`Down${n}`] = method(pathOf('Down', n), false, true);
      service[`Up${n}`] = method(pathOf('Up', n), true, false);
      service[`Chat${n}`] = method(pathOf('Chat', n), true, true);
      handlers[`Unary${n}`] = this.#unary;
      handlers[`Down${n}`] = this.#down;
      handlers[`Up${n}`] = this.#up;
      handlers[`Chat${n}`] = this.#chat;
    }
    this.#server.addService(service, handlers);
  }

  async open(): Promise<this> {
    this.port = await new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    return this;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #end(o: Order, done: (error: grpc.ServiceError | null) => void): void {
    if ((o.code ?? 0) === 0) done(null);
    else done(failure(o));
  }

  readonly #unary = async (
    call: grpc.ServerUnaryCall<Order, Buffer>,
    reply: grpc.sendUnaryData<Buffer>,
  ): Promise<void> => {
    await pause(call.request);
    this.#end(call.request, (error) => reply(error, filled(call.request.bytes ?? 10), this.trailer?.()));
  };

  readonly #down = async (call: grpc.ServerWritableStream<Order, Buffer>): Promise<void> => {
    const o = call.request;
    for (let n = 0; n < (o.messages ?? 1); n++) {
      await pause(o);
      if (!call.write(filled(o.bytes ?? 10))) await new Promise((done) => call.once('drain', done));
    }
    this.#end(o, (error) => (error === null ? call.end(this.trailer?.()) : call.emit('error', error)));
  };

  readonly #up = (call: grpc.ServerReadableStream<Order, Buffer>, reply: grpc.sendUnaryData<Buffer>): void => {
    let last: Order = {};
    call.on('data', (o: Order) => {
      last = o;
    });
    call.on('error', () => {});
    call.on('end', () => this.#end(last, (error) => reply(error, filled(last.bytes ?? 10), this.trailer?.())));
  };

  readonly #chat = (call: grpc.ServerDuplexStream<Order, Buffer>): void => {
    let last: Order = {};
    call.on('data', (o: Order) => {
      last = o;
      for (let n = 0; n < (o.messages ?? 1); n++) call.write(filled(o.bytes ?? 10));
    });
    call.on('error', () => {});
    call.on('end', () =>
      this.#end(last, (error) => (error === null ? call.end(this.trailer?.()) : call.emit('error', error))),
    );
  };
}

/** A client on a connection of its own; it keeps an account of what it called. */
export class Customer {
  readonly calls: Call[] = [];
  readonly #client: grpc.Client;

  constructor(port: number, options: grpc.ClientOptions = {}) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  close(): void {
    this.#client.close();
  }

  /** `orders`: the messages that the client sends; `cancelMs`: it gives up then. Resolves when the client knows its status. */
  call(
    kind: Kind,
    n: number,
    orders: readonly Order[],
    o: { deadlineMs?: number; cancelAfter?: number; path?: string; metadata?: grpc.Metadata } = {},
  ): Promise<Call> {
    const path = o.path ?? pathOf(kind, n);
    const c: Call = { method: path.slice(1), startMs: performance.now(), endMs: 0, status: '', sent: 0, received: 0 };
    this.calls.push(c);
    const metadata = o.metadata ?? new grpc.Metadata();
    const options: grpc.CallOptions = { deadline: Date.now() + (o.deadlineMs ?? MAX_MS) };
    const client = this.#client;
    return new Promise((resolve, reject) => {
      const settle = (status: grpc.StatusObject): void => {
        c.status = grpc.status[status.code]!;
        c.endMs = performance.now();
        if (c.endMs - c.startMs >= MAX_MS) reject(new Error(`${path} was not answered`));
        else resolve(c);
      };
      const take = (bytes: Buffer | undefined): void => {
        if (bytes !== undefined) c.received++;
        if (o.cancelAfter !== undefined && c.received >= o.cancelAfter) call.cancel();
      };
      let call: grpc.ClientUnaryCall;
      if (kind === 'Unary') {
        c.sent = 1;
        call = client.makeUnaryRequest(path, pack, same, orders[0]!, metadata, options, (_, bytes) => take(bytes));
      } else if (kind === 'Down') {
        c.sent = 1;
        const reading = client.makeServerStreamRequest(path, pack, same, orders[0]!, metadata, options);
        call = reading.on('data', take) as unknown as grpc.ClientUnaryCall;
      } else {
        const writing =
          kind === 'Up'
            ? client.makeClientStreamRequest(path, pack, same, metadata, options, (_, bytes) => take(bytes))
            : client.makeBidiStreamRequest(path, pack, same, metadata, options).on('data', take);
        call = writing as unknown as grpc.ClientUnaryCall;
        for (const order of orders) {
          writing.write(order);
          c.sent++;
        }
        if (o.cancelAfter === undefined) writing.end();
      }
      call.on('error', () => {});
      call.on('status', settle);
      if (o.cancelAfter === 0) setTimeout(() => call.cancel(), 50);
    });
  }
}

/** How often each status was told. */
export function statuses(calls: readonly Call[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const c of calls) counts[c.status] = (counts[c.status] ?? 0) + 1;
  assert.equal(counts[''], undefined, 'calls without a status');
  return counts;
}
