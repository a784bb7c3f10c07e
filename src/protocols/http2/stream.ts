import type { Exchange } from '../../exchange/exchange.ts';
import type { Messages } from '../../exchange/grpc/messages.ts';
import type { Http2Detail } from './detail.ts';
import { DynamicTable, type Memory } from './dynamic-table.ts';
import type { FrameFinder } from './resync.ts';

/** RFC 9113 section 6.9.2. */
const INITIAL_WINDOW = 65535;

/** One stream, from its request on until its response has ended. */
export class Stream {
  readonly id: number;
  readonly exchange: Exchange;
  readonly detail: Http2Detail | null;
  /** gRPC: messages of request and response, while they can be counted. */
  asked: Messages | null = null;
  told: Messages | null = null;
  grpc = false;
  /** The beginning of the request's body is to be looked at for a GraphQL operation. */
  graphql = false;
  /** The content-type of the request refers to something that was lost. */
  typeUnknown = false;
  /** The client's deadline; Infinity without one. */
  timeoutNs = Number.POSITIVE_INFINITY;
  /** The end of the request was seen. */
  requestEnded = false;
  /** The head of the final response was seen. */
  answered = false;
  /** When a head came whose status is not known, so that it may be a 1xx, and its bytes; NaN: none is in doubt. */
  doubtNs = Number.NaN;
  doubtBytes = 0;
  /** Losses of its direction until then. */
  doubtLosses = 0;
  /** When the response last moved on, as far as it was seen. */
  lastNs = 0;
  requestBytes = 0;
  responseBytes = 0;
  /** Losses of the two directions when the stream began: what was counted over one of them is not right. */
  readonly requestLosses: number;
  readonly responseLosses: number;
  /** DATA that each end may still send, without the initial size of the window. */
  requestCredit = 0;
  responseCredit = 0;

  constructor(
    id: number,
    exchange: Exchange,
    detail: Http2Detail | null,
    requestLosses: number,
    responseLosses: number,
  ) {
    this.id = id;
    this.exchange = exchange;
    this.detail = detail;
    this.requestLosses = requestLosses;
    this.responseLosses = responseLosses;
  }
}

/** Where the reader of one direction stands: in front of a frame, or in the payload of DATA. */
export const FRAME = 0;
export const PAYLOAD = 1;

/** What is known of one direction. */
export class Half {
  readonly table: DynamicTable;
  phase = FRAME;
  /** Bytes of the header block behind `w.pos` that were looked at, heads of CONTINUATION frames included; 0: none. */
  blockBytes = 0;
  /** The block goes on behind them. */
  blockOpen = false;
  /** A header block that is too large goes by, frame by frame. */
  passing = false;
  /** The DATA frame that is being read. */
  left = 0;
  padding = 0;
  endsStream = false;
  stream: Stream | null = null;
  /** How often bytes were lost. */
  losses = 0;
  /** At work behind a loss; made for the first one. */
  finder: FrameFinder | null = null;
  /** What this end may still send on the connection, and at first on each stream; not known after a loss. */
  credit = INITIAL_WINDOW;
  initialWindow = INITIAL_WINDOW;
  creditKnown = true;
  /** Longest payload that this end may send, as far as was seen. */
  maxFrame: number;

  constructor(memory: Memory, maxFrame: number) {
    this.table = new DynamicTable(memory);
    this.maxFrame = maxFrame;
  }

  /** Whatever was being read is not there any more. */
  restart(): void {
    this.phase = FRAME;
    this.blockBytes = 0;
    this.passing = false;
    this.stream = null;
    this.table.lose();
    this.creditKnown = false;
  }
}
