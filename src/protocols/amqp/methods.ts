/** The methods of AMQP 0-9-1 (amqp0-9-1.xml), with RabbitMQ's extensions: who sends them, and what answers what. */

/** Who sends it, as bits by direction. */
const CLIENT = 1;
const SERVER = 2;
const BOTH = CLIENT | SERVER;

/** A method that waits for one or more others, unless its no-wait bit is set. */
export const ASKS = 0;
export const ANSWERS = 1;
/** Nothing answers it, or an acknowledgement does. */
export const SENT = 2;

export class Method {
  /** `Queue.Declare`. */
  readonly name: string;
  /** `Declare-Ok`, as the status of what it answers. */
  readonly word: string;
  readonly kind: number;
  readonly senders: number;
  /** Name of the method that it answers; '' for none. */
  readonly request: string;

  constructor(name: string, kind: number, senders: number, request: string) {
    this.name = name;
    this.word = name.slice(name.indexOf('.') + 1);
    this.kind = kind;
    this.senders = senders;
    this.request = request;
  }
}

/** Class and method in one number, as they stand on the wire. */
export const idOf = (classId: number, methodId: number): number => classId * 0x10000 + methodId;

export const METHODS = new Map<number, Method>();

function one(classId: number, methodId: number, name: string, kind: number, senders: number, request = ''): number {
  const id = idOf(classId, methodId);
  METHODS.set(id, new Method(name, kind, senders, request));
  return id;
}

/** A request and what answers it, which has the number behind it if not said otherwise. */
function pair(classId: number, methodId: number, name: string, asker = CLIENT, answerId = methodId + 1): number {
  const answerer = asker === BOTH ? BOTH : BOTH ^ asker;
  one(classId, answerId, `${name}-Ok`, ANSWERS, answerer, name);
  return one(classId, methodId, name, ASKS, asker);
}

export const CONNECTION_START = pair(10, 10, 'Connection.Start', SERVER);
pair(10, 20, 'Connection.Secure', SERVER);
pair(10, 30, 'Connection.Tune', SERVER);
export const CONNECTION_OPEN = pair(10, 40, 'Connection.Open');
export const CONNECTION_CLOSE = pair(10, 50, 'Connection.Close', BOTH);
export const CONNECTION_CLOSE_OK = idOf(10, 51);
one(10, 60, 'Connection.Blocked', SENT, BOTH);
one(10, 61, 'Connection.Unblocked', SENT, BOTH);
pair(10, 70, 'Connection.Update-Secret');

export const CHANNEL_OPEN = pair(20, 10, 'Channel.Open');
export const CHANNEL_OPEN_OK = idOf(20, 11);
pair(20, 20, 'Channel.Flow', BOTH);
export const CHANNEL_CLOSE = pair(20, 40, 'Channel.Close', BOTH);
export const CHANNEL_CLOSE_OK = idOf(20, 41);

pair(30, 10, 'Access.Request');

export const EXCHANGE_DECLARE = pair(40, 10, 'Exchange.Declare');
export const EXCHANGE_DELETE = pair(40, 20, 'Exchange.Delete');
export const EXCHANGE_BIND = pair(40, 30, 'Exchange.Bind');
export const EXCHANGE_UNBIND = pair(40, 40, 'Exchange.Unbind', CLIENT, 51);

export const QUEUE_DECLARE = pair(50, 10, 'Queue.Declare');
export const QUEUE_DECLARE_OK = idOf(50, 11);
export const QUEUE_BIND = pair(50, 20, 'Queue.Bind');
export const QUEUE_PURGE = pair(50, 30, 'Queue.Purge');
export const QUEUE_DELETE = pair(50, 40, 'Queue.Delete');
export const QUEUE_UNBIND = pair(50, 50, 'Queue.Unbind');

pair(60, 10, 'Basic.Qos');
export const CONSUME = pair(60, 20, 'Basic.Consume');
export const CONSUME_OK = idOf(60, 21);
export const CANCEL = pair(60, 30, 'Basic.Cancel', BOTH);
export const PUBLISH = one(60, 40, 'Basic.Publish', SENT, CLIENT);
export const RETURN = one(60, 50, 'Basic.Return', SENT, SERVER);
export const DELIVER = one(60, 60, 'Basic.Deliver', SENT, SERVER);
export const GET = pair(60, 70, 'Basic.Get');
export const GET_OK = idOf(60, 71);
one(60, 72, 'Basic.Get-Empty', ANSWERS, SERVER, 'Basic.Get');
export const ACK = one(60, 80, 'Basic.Ack', SENT, BOTH);
export const REJECT = one(60, 90, 'Basic.Reject', SENT, CLIENT);
export const RECOVER_ASYNC = one(60, 100, 'Basic.Recover-Async', SENT, CLIENT);
export const RECOVER = pair(60, 110, 'Basic.Recover');
export const NACK = one(60, 120, 'Basic.Nack', SENT, BOTH);

export const CONFIRM_SELECT = pair(85, 10, 'Confirm.Select');

pair(90, 10, 'Tx.Select');
pair(90, 20, 'Tx.Commit');
pair(90, 30, 'Tx.Rollback');

/** May it travel in that direction (0: to the server)? */
export const travels = (m: Method, dir: number): boolean => (m.senders & (1 << dir)) !== 0;
/** Only one end sends it: it tells which is which. */
export const isTelling = (m: Method): boolean => m.senders !== BOTH;
