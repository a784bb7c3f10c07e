/** What a test does with the `mongodb` driver, and what the driver's command monitoring says of it. */

import {
  type Collection,
  type CommandFailedEvent,
  type CommandStartedEvent,
  type CommandSucceededEvent,
  type Document,
  MongoClient,
  type MongoClientOptions,
} from 'mongodb';
import { ownTimeMs } from './operations.ts';

/** A command as the driver reports it. */
export interface Command {
  readonly requestId: number;
  readonly name: string;
  readonly database: string;
  /** '' when it speaks of none. */
  readonly collection: string;
  /** 'ok', or the server's code. */
  status: string;
  /** Of the first of the writes that failed, or of the write concern, within a command that did not. */
  writeError: string;
  /** Nothing is to answer it. */
  readonly unanswered: boolean;
  /** It brings a trace context. */
  readonly traced: boolean;
  readonly startMs: number;
  endMs: number;
  /** As that of an `Operation`. */
  ownMs: number;
}

/** Stands in documents and queries: it must not leave. */
export const SECRET = 'attack at dawn';
export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
export const DATABASE = 'shop';

/** One connection for commands; what the driver sends on it, in order. */
export class Observed {
  readonly client: MongoClient;
  readonly commands: Command[] = [];
  readonly #byId = new Map<number, Command>();

  constructor(url: string, options: MongoClientOptions & { localAddress?: string } = {}) {
    this.client = new MongoClient(url, { maxPoolSize: 1, monitorCommands: true, retryWrites: false, ...options });
    this.client.on('commandStarted', (e) => this.#started(e));
    this.client.on('commandSucceeded', (e) => this.#ended(e, 'ok', writeErrorOf(e)));
    this.client.on('commandFailed', (e) => this.#ended(e, codeOf(e), ''));
  }

  #started(e: CommandStartedEvent): void {
    const named = e.commandName === 'getMore' ? e.command.collection : e.command[e.commandName];
    const c: Command = {
      requestId: e.requestId,
      name: e.commandName,
      database: e.databaseName,
      collection: typeof named === 'string' ? named : '',
      status: '',
      writeError: '',
      unanswered: e.command.writeConcern?.w === 0,
      traced: e.command.comment === TRACEPARENT,
      startMs: performance.now(),
      endMs: Number.NaN,
      ownMs: -ownTimeMs(),
    };
    this.commands.push(c);
    this.#byId.set(e.requestId, c);
  }

  #ended(e: CommandSucceededEvent | CommandFailedEvent, status: string, writeError: string): void {
    const c = this.#byId.get(e.requestId)!;
    c.status = status;
    c.writeError = writeError;
    c.endMs = performance.now();
    c.ownMs += ownTimeMs();
  }
}

function writeErrorOf(e: CommandSucceededEvent): string {
  const reply = e.reply as Document | undefined;
  return String(reply?.writeErrors?.[0]?.code ?? reply?.writeConcernError?.code ?? '');
}

const codeOf = (e: CommandFailedEvent): string => String((e.failure as { code?: number }).code);

const fails = (act: Promise<unknown>): Promise<void> =>
  act.then(
    () => {},
    () => {},
  );

const product = (i: number): Document => ({
  _id: i as never,
  name: `${SECRET} ${i}`,
  price: i / 10,
  tags: ['a', 'b', SECRET],
  stock: { shelf: i % 7, cellar: 2 * i },
});

async function writes(c: Collection): Promise<void> {
  for (let i = 0; i < 40; i++) await fails(c.insertOne(product(i % 10 === 9 ? i - 1 : i))); // every tenth is there already
  await c.insertMany(Array.from({ length: 300 }, (_, i) => product(100 + i)));
  await fails(c.insertMany([product(1000), product(0), product(1001)], { ordered: false }));
  for (let i = 0; i < 20; i++) {
    await c.updateOne({ _id: i as never }, { $set: { name: SECRET, price: i } });
    await c.updateMany({ 'stock.shelf': i % 7 }, { $inc: { price: 1 } });
  }
  for (let i = 0; i < 10; i++) await c.deleteOne({ _id: (100 + i) as never });
  await c.bulkWrite([
    { insertOne: { document: product(2000) } },
    { insertOne: { document: product(2001) } },
    { updateOne: { filter: { _id: 2000 as never }, update: { $set: { price: 7 } } } },
    { deleteOne: { filter: { _id: 2001 as never } } },
  ]);
}

/** Nobody answers these. */
export async function unacknowledged(_o: Observed, c: Collection): Promise<void> {
  for (let i = 0; i < 5; i++) await c.insertOne(product(3000 + i), { writeConcern: { w: 0 } });
  await c.countDocuments({}); // the writes are on the wire by then
}

async function reads(c: Collection): Promise<void> {
  for (let i = 0; i < 30; i++) await c.findOne({ _id: i as never, name: { $ne: SECRET } });
  for (let i = 0; i < 4; i++) await c.find({ price: { $gte: 0 } }, { batchSize: 40, limit: 130 }).toArray();
  const early = c.find({}, { batchSize: 10 });
  await early.next();
  await early.close();
  for (let i = 0; i < 5; i++) await c.countDocuments({ 'stock.shelf': i });
  await c.estimatedDocumentCount();
  await c.distinct('stock.shelf');
  await c.aggregate([{ $match: { price: { $gt: 3 } } }, { $limit: 5 }]).toArray();
  await fails(c.find({ $nonsense: SECRET } as never).toArray());
}

async function others(o: Observed, c: Collection): Promise<void> {
  const db = o.client.db(DATABASE);
  await db.command({ ping: 1 });
  await fails(db.command({ nonsense: SECRET }));
  await db.listCollections().toArray();
  await c.createIndex({ price: 1 });
  await c.indexes();
  await fails(o.client.db('admin').command({ getLog: 'startupWarnings' }));
  await fails(db.command({ drop: 'nothing here' }));
}

/** Two that are committed, one that is not. */
export async function transactions(o: Observed, c: Collection): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const session = o.client.startSession();
    session.startTransaction();
    await c.insertOne(product(4000 + i), { session });
    await c.updateOne({ _id: (4000 + i) as never }, { $set: { price: 1 } }, { session });
    if (i < 2) await session.commitTransaction();
    else await session.abortTransaction();
    await session.endSession();
  }
}

/** The application is traced, and says so to the server. */
export async function traced(_o: Observed, c: Collection): Promise<void> {
  await c.find({}, { comment: TRACEPARENT, limit: 1 }).toArray();
}

/** A cursor that stays open at the end, and waits there for documents. */
export async function tail(_o: Observed, c: Collection): Promise<void> {
  const cursor = c.find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 1000, batchSize: 1000 });
  while ((await cursor.tryNext()) !== null);
  await cursor.tryNext();
  await cursor.close();
}

/** Some two hundred commands on a collection that need not be there. `more`: what not every server can do. */
export async function work(
  o: Observed,
  collection: string,
  more: (o: Observed, c: Collection) => Promise<void> = async () => {},
): Promise<void> {
  const c = o.client.db(DATABASE).collection(collection);
  await o.client.connect();
  await fails(c.drop());
  await writes(c);
  await reads(c);
  await others(o, c);
  await more(o, c);
  await o.client.close();
}
