/** Message headers of the MongoDB wire protocol. All integers are little-endian. */

import type { Window } from '../protocol.ts';
import { MIN_DOCUMENT_BYTES } from './bson.ts';

export const OP_REPLY = 1;
export const OP_UPDATE = 2001;
export const OP_INSERT = 2002;
export const OP_QUERY = 2004;
export const OP_GET_MORE = 2005;
export const OP_DELETE = 2006;
export const OP_KILL_CURSORS = 2007;
export const OP_COMMAND = 2010;
export const OP_COMMANDREPLY = 2011;
export const OP_COMPRESSED = 2012;
export const OP_MSG = 2013;

/** messageLength, requestID, responseTo, opCode: four int32. */
export const HEADER_BYTES = 16;

/** Servers take 48,000,000 bytes (`maxMessageSizeBytes`); replies may be larger by what stands around a document of 16 MiB. */
export const MAX_MESSAGE_BYTES = 48_000_000 + 16_384;

/** Flags of OP_MSG: bits 0 to 15 must be known, the others may be passed over. */
export const CHECKSUM_PRESENT = 1;
export const MORE_TO_COME = 2;
export const EXHAUST_ALLOWED = 1 << 16;
const KNOWN_REQUIRED = CHECKSUM_PRESENT | MORE_TO_COME;

/** OP_QUERY: the cursor stays open at the collection's end, and the server waits for more there. */
export const QUERY_TAILABLE = 1 << 1;
export const QUERY_AWAIT_DATA = 1 << 5;
export const QUERY_EXHAUST = 1 << 6;

/** OP_REPLY: the cursor is not known; the one document says what went wrong. */
export const REPLY_CURSOR_NOT_FOUND = 1;
export const REPLY_QUERY_FAILURE = 2;

/** A checksum (CRC-32C) ends the message. */
export const CHECKSUM_BYTES = 4;

/** int32 size, cstring identifier, documents; and the one document of section kind 0. */
export const SECTION_BODY = 0;
export const SECTION_SEQUENCE = 1;
export const messageLength = (w: Window, at: number): number => w.view.getInt32(at, true);
export const requestId = (w: Window, at: number): number => w.view.getInt32(at + 4, true);
export const responseTo = (w: Window, at: number): number => w.view.getInt32(at + 8, true);
export const opcodeAt = (w: Window, at: number): number => w.view.getInt32(at + 12, true);

/** The least that a message of that kind can have; 0: no such kind. */
export function leastBytes(opcode: number): number {
  switch (opcode) {
    case OP_MSG:
      return HEADER_BYTES + 4 + 1 + MIN_DOCUMENT_BYTES;
    case OP_COMPRESSED:
      return HEADER_BYTES + 9;
    case OP_REPLY:
      return HEADER_BYTES + 20;
    case OP_QUERY:
      return HEADER_BYTES + 4 + 1 + 8 + MIN_DOCUMENT_BYTES;
    case OP_UPDATE:
      return HEADER_BYTES + 4 + 1 + 4 + 2 * MIN_DOCUMENT_BYTES;
    case OP_INSERT:
      return HEADER_BYTES + 4 + 1 + MIN_DOCUMENT_BYTES;
    case OP_GET_MORE:
      return HEADER_BYTES + 4 + 1 + 4 + 8;
    case OP_DELETE:
      return HEADER_BYTES + 4 + 1 + 4 + MIN_DOCUMENT_BYTES;
    case OP_KILL_CURSORS:
      return HEADER_BYTES + 8;
    case OP_COMMAND:
      return HEADER_BYTES + 2 + 2 * MIN_DOCUMENT_BYTES;
    case OP_COMMANDREPLY:
      return HEADER_BYTES + MIN_DOCUMENT_BYTES;
    default:
      return 0;
  }
}

/** What follows the collection's name before there are documents. */
export function fixedBytes(opcode: number): number {
  switch (opcode) {
    case OP_QUERY: // int32 numberToSkip, int32 numberToReturn
      return 8;
    case OP_GET_MORE: // int32 numberToReturn, int64 cursorID
      return 12;
    case OP_UPDATE: // int32 flags
    case OP_DELETE:
      return 4;
    default:
      return 0;
  }
}

/** Who sends a kind of message; both is the sum. */
export const CLIENT_SENDS = 1;
export const SERVER_SENDS = 2;

/** 0: nobody sends such a message. */
export function senders(opcode: number): number {
  if (opcode === OP_MSG || opcode === OP_COMPRESSED) return CLIENT_SENDS | SERVER_SENDS;
  if (opcode === OP_REPLY || opcode === OP_COMMANDREPLY) return SERVER_SENDS;
  return leastBytes(opcode) > 0 ? CLIENT_SENDS : 0;
}

/** Reserved bits of an OP_MSG are clear. */
export const flagsAreKnown = (flags: number): boolean => (flags & 0xffff & ~KNOWN_REQUIRED) === 0;
