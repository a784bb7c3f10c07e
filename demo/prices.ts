/** The prices: a gRPC service and its client. Messages are JSON: what counts here is how they travel. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';

interface Question {
  readonly id: number;
}

interface Price {
  readonly cents: number;
}

const pack = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const unpack = <T>(bytes: Buffer): T => JSON.parse(bytes.toString()) as T;

const SERVICE = {
  Get: {
    path: '/shop.Prices/Get',
    requestStream: false,
    responseStream: false,
    requestSerialize: pack,
    requestDeserialize: unpack<Question>,
    responseSerialize: pack,
    responseDeserialize: unpack<Price>,
  },
} as const;

const failure = (code: grpc.status, details: string): grpc.ServiceError =>
  Object.assign(new Error(details), { code, details, metadata: new grpc.Metadata() });

/** Some products have no price, and for some nobody can tell it now. */
async function get(call: grpc.ServerUnaryCall<Question, Price>, reply: grpc.sendUnaryData<Price>): Promise<void> {
  const { id } = call.request;
  await sleep(1 + (id % 4));
  if (id % 50 === 49) reply(failure(grpc.status.NOT_FOUND, 'no price'));
  else if (id % 97 === 0) reply(failure(grpc.status.UNAVAILABLE, 'come back later'));
  else reply(null, { cents: 100 + id });
}

export class Prices {
  readonly #server = new grpc.Server();

  /** Gives its port. */
  async start(address: string): Promise<number> {
    this.#server.addService(SERVICE, { Get: get });
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`${address}:0`, grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

/** No call takes so long. */
const MAX_MS = 20_000;

/** Calls come from 127.0.0.1: this library does not let its user choose the address. */
export class PricesClient {
  readonly #client: grpc.Client;

  constructor(address: string, port: number) {
    this.#client = new grpc.Client(`${address}:${port}`, grpc.credentials.createInsecure());
  }

  /** Rejects with a `grpc.ServiceError`. `traceparent`: passed on if it is not ''. */
  get(id: number, traceparent: string): Promise<Price> {
    const metadata = new grpc.Metadata();
    if (traceparent !== '') metadata.set('traceparent', traceparent);
    const { path, requestSerialize, responseDeserialize } = SERVICE.Get;
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + MAX_MS };
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { id },
        metadata,
        options,
        (e, price) => (e === null ? resolve(price!) : reject(e)),
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** The name of the status that a call of `get` was refused with. */
export const statusOf = (error: unknown): string => grpc.status[(error as grpc.ServiceError).code] ?? 'UNKNOWN';
