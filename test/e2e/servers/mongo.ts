/**
 * A server that speaks MongoDB's wire protocol as far as the tests' commands go, on a port of 127.0.0.1: real bytes of the driver need
 * an answer, and no MongoDB can be had from Debian. It keeps documents by their _id and looks at no filter.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, inflateSync } from 'node:zlib';
import { BSON } from 'mongodb';

type Doc = Record<string, unknown>;

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_COMPRESSED = 2012;
const OP_MSG = 2013;
const MORE_TO_COME = 2;
const EXHAUST_ALLOWED = 1 << 16;
const ZLIB = 2;

/** What a cursor that waits for documents, or a client that waits for news of the topology, is made to wait. */
const AWAIT_MS = 120;

const PROCESS = new BSON.ObjectId();
const SERVICE = new BSON.ObjectId();

const int32 = (...numbers: number[]): Buffer => {
  const b = Buffer.alloc(4 * numbers.length);
  numbers.forEach((n, i) => {
    b.writeInt32LE(n, 4 * i);
  });
  return b;
};

class Failure {
  readonly reply: Doc;
  constructor(code: number, codeName: string, errmsg: string) {
    this.reply = { ok: 0, errmsg, code, codeName };
  }
}

interface Cursor {
  readonly docs: Doc[];
  readonly waits: boolean;
}

/** What the server holds, and how it answers commands. */
class Store {
  pushed = 0;
  readonly #collections = new Map<string, Map<string, Doc>>();
  readonly #cursors = new Map<number, Cursor>();
  #lastCursor = 0;

  async answer(c: Doc): Promise<Doc> {
    const [name] = Object.keys(c) as [string];
    const collection = String(c[name]);
    switch (name) {
      case 'hello':
      case 'ismaster':
        return welcome(c);
      case 'insert':
        return this.#insert(collection, c.documents as Doc[]);
      case 'update':
        return { n: 1, nModified: (c.updates as Doc[]).length };
      case 'delete':
        for (const { q } of c.deletes as { q: Doc }[]) this.#collections.get(collection)?.delete(String(q._id));
        return { n: 1 };
      case 'find':
        return this.#find(collection, c);
      case 'getMore':
        return this.#more(Number(c.getMore), c);
      case 'killCursors':
        for (const id of c.cursors as unknown[]) this.#cursors.delete(Number(id));
        return { cursorsKilled: c.cursors, cursorsNotFound: [], cursorsAlive: [], cursorsUnknown: [] };
      case 'aggregate':
        return this.#cursor(
          collection,
          { docs: [{ _id: 1, n: this.#collections.get(collection)?.size ?? 0 }], waits: false },
          101,
        );
      case 'count':
        return { n: this.#collections.get(collection)?.size ?? 0 };
      case 'distinct':
        return { values: [1, 2, 3] };
      case 'drop':
        if (!this.#collections.delete(collection)) throw new Failure(26, 'NamespaceNotFound', 'ns not found');
        return { ns: collection };
      case 'listCollections':
      case 'listIndexes':
        return this.#cursor(collection, { docs: [{ name: 'x' }], waits: false }, 101);
      case 'createIndexes':
      case 'ping':
      case 'endSessions':
      case 'commitTransaction':
      case 'abortTransaction':
        return {};
      case 'getLog':
        return { totalLinesWritten: 0, log: [] };
      default:
        throw new Failure(59, 'CommandNotFound', `no such command: '${name}'`);
    }
  }

  #insert(collection: string, documents: Doc[]): Doc {
    const all = this.#collections.get(collection) ?? new Map<string, Doc>();
    this.#collections.set(collection, all);
    const writeErrors: Doc[] = [];
    documents.forEach((doc, index) => {
      const id = String(doc._id);
      if (all.has(id)) writeErrors.push({ index, code: 11000, errmsg: `E11000 duplicate key ${id}` });
      else all.set(id, doc);
    });
    return { n: documents.length - writeErrors.length, ...(writeErrors.length > 0 ? { writeErrors } : {}) };
  }

  #find(collection: string, c: Doc): Doc {
    const filter = (c.filter ?? {}) as Doc;
    const unknown = Object.keys(filter).find((key) => key.startsWith('$'));
    if (unknown !== undefined) throw new Failure(2, 'BadValue', `unknown top level operator: ${unknown}`);
    const docs = [...(this.#collections.get(collection)?.values() ?? [])];
    const found = docs.slice(0, Math.abs(Number(c.limit ?? 0)) || docs.length);
    return this.#cursor(collection, { docs: found, waits: c.awaitData === true }, Number(c.batchSize ?? 101));
  }

  #cursor(collection: string, cursor: Cursor, size: number): Doc {
    const firstBatch = cursor.docs.splice(0, size);
    return { cursor: { firstBatch, id: this.#keep(cursor, 0), ns: `shop.${collection}` } };
  }

  async #more(id: number, c: Doc): Promise<Doc> {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined) throw new Failure(43, 'CursorNotFound', `cursor id ${id} not found`);
    if (cursor.waits) await sleep(AWAIT_MS);
    const nextBatch = cursor.docs.splice(0, Number(c.batchSize ?? 1000));
    return { cursor: { nextBatch, id: this.#keep(cursor, id), ns: `shop.${c.collection}` } };
  }

  /** The id under which the rest is to be had, 0 when there is none. */
  #keep(cursor: Cursor, id: number): BSON.Long {
    if (cursor.docs.length === 0 && !cursor.waits) {
      this.#cursors.delete(id);
      return BSON.Long.ZERO;
    }
    const kept = id || ++this.#lastCursor;
    this.#cursors.set(kept, cursor);
    return BSON.Long.fromNumber(kept);
  }
}

/** A router, so that there are transactions; behind a load balancer if the client says so. */
function welcome(c: Doc): Doc {
  return {
    helloOk: true,
    ismaster: true,
    isWritablePrimary: true,
    msg: 'isdbgrid',
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    logicalSessionTimeoutMinutes: 30,
    minWireVersion: 0,
    maxWireVersion: 21,
    topologyVersion: { processId: PROCESS, counter: BSON.Long.ZERO },
    ...(c.loadBalanced === true ? { serviceId: SERVICE } : {}),
    ...(Array.isArray(c.compression) ? { compression: c.compression.filter((name) => name === 'zlib') } : {}),
  };
}

/** One connection: requests are answered one after the other. */
class Peer {
  readonly #socket: Socket;
  readonly #store: Store;
  #lastId = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #turn: Promise<void> = Promise.resolve();

  constructor(socket: Socket, store: Store) {
    this.#socket = socket;
    this.#store = store;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 4 && this.#bytes.length >= this.#bytes.readInt32LE(0)) {
      const message = this.#bytes.subarray(0, this.#bytes.readInt32LE(0));
      this.#bytes = this.#bytes.subarray(message.length);
      this.#turn = this.#turn.then(() => this.#handle(message)).catch(() => void this.#socket.destroy());
    }
  }

  async #handle(message: Buffer): Promise<void> {
    const id = message.readInt32LE(4);
    let opcode = message.readInt32LE(12);
    let rest = message.subarray(16);
    const packed = opcode === OP_COMPRESSED;
    if (packed) {
      opcode = rest.readInt32LE(0);
      rest = inflateSync(rest.subarray(9));
    }
    if (opcode === OP_QUERY) {
      const docAt = rest.indexOf(0, 4) + 9;
      const reply = await this.#reply(BSON.deserialize(rest.subarray(docAt)));
      const head = int32(8, 0, 0, 0, 1);
      this.#send(id, OP_REPLY, Buffer.concat([head, BSON.serialize(reply)]), packed);
      return;
    }
    const flags = rest.readInt32LE(0);
    const command = commandOf(rest.subarray(4));
    const waits = 'maxAwaitTimeMS' in command;
    if (waits) await sleep(AWAIT_MS);
    const reply = await this.#reply(command);
    if ((flags & MORE_TO_COME) !== 0) return;
    const exhausts = waits && (flags & EXHAUST_ALLOWED) !== 0;
    const body = Buffer.concat([int32(exhausts ? MORE_TO_COME : 0), Buffer.of(0), BSON.serialize(reply)]);
    let to = this.#send(id, OP_MSG, body, packed);
    while (exhausts && !this.#socket.destroyed) {
      await sleep(AWAIT_MS);
      to = this.#send(to, OP_MSG, body, packed);
      this.#store.pushed++;
    }
  }

  async #reply(command: Doc): Promise<Doc> {
    try {
      return { ...(await this.#store.answer(command)), ok: 1 };
    } catch (e) {
      if (e instanceof Failure) return e.reply;
      throw e;
    }
  }

  /** The id of what was sent. */
  #send(to: number, opcode: number, body: Buffer, packed: boolean): number {
    const id = ++this.#lastId;
    const whole = packed ? Buffer.concat([int32(opcode, body.length), Buffer.of(ZLIB), deflateSync(body)]) : body;
    const head = int32(16 + whole.length, id, to, packed ? OP_COMPRESSED : opcode);
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat([head, whole]));
    return id;
  }
}

/** The sections of an OP_MSG as one document. */
function commandOf(sections: Buffer): Doc {
  const command: Doc = {};
  for (let at = 0; at < sections.length; ) {
    const size = sections.readInt32LE(at + 1);
    if (sections[at] === 0) Object.assign(command, BSON.deserialize(sections.subarray(at + 1, at + 1 + size)));
    else {
      const nameEnd = sections.indexOf(0, at + 5);
      const docs: Doc[] = [];
      for (let d = nameEnd + 1; d < at + 1 + size; d += sections.readInt32LE(d)) {
        docs.push(BSON.deserialize(sections.subarray(d, d + sections.readInt32LE(d))));
      }
      command[sections.toString('utf8', at + 5, nameEnd)] = docs;
    }
    at += 1 + size;
  }
  return command;
}

export interface MongoServer {
  readonly port: number;
  /** Replies sent that nobody asked for. */
  readonly pushed: number;
  stop(): Promise<void>;
}

export async function startMongo(): Promise<MongoServer> {
  const store = new Store();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new Peer(socket, store);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    get pushed() {
      return store.pushed;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
