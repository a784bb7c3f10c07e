/** What a WebSocket session adds to an exchange. */
export class WebSocketDetail {
  static readonly BYTES = 96;
  /** Messages from the client, from the server, each when its last frame passes. */
  sent = 0;
  received = 0;
  /** Their bytes, as they were on the wire. */
  sentBytes = 0;
  receivedBytes = 0;
  /** Frames were lost: there were more messages. */
  incomplete = false;
  /** Close code (RFC 6455 section 7.4) of the end that closed first; 0: nobody said one. */
  closeCode = 0;
}
