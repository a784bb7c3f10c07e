/** What is counted of all HTTP/2 connections (`protocol.http2.*`). */
export class Http2Counters {
  /** Header fields that refer to a table entry which was added in bytes that were not captured. */
  unknownFields = 0;
  /** Times that the table was forgotten because its memory was refused. */
  tableRefused = 0;
  /** Header blocks larger than a window; their fields are not known, and the table is lost with them. */
  oversizedBlocks = 0;
  /** Header blocks whose list of fields is a bomb: the request is not followed. */
  oversizedLists = 0;
  /** Header blocks that are not valid HPACK. */
  brokenBlocks = 0;
  /** Header blocks of a client of which nobody can say whether they begin a request or end one. */
  unclearBlocks = 0;
  /** Streams that are not followed because there was no memory for them. */
  streamsRefused = 0;
  /** Heads of responses on streams that are not known: their request was not seen, or the stream was broken off before. */
  unasked = 0;
  /** Responses that the server promised unasked; they are not followed. */
  pushes = 0;
  /** Streams that one end broke off. */
  resets = 0;
}

export const COUNTERS = new Http2Counters();
