import { HttpDetail } from '../../exchange/http/detail.ts';

/** How many bytes an Http2Detail takes beyond an HttpDetail. */
export const MORE_BYTES = 120;

/** What HTTP/2, and gRPC over it, add to an exchange. Numbers are -1 where they were not counted. */
export class Http2Detail extends HttpDetail {
  /** Header fields of request and response that refer to something that was not captured. */
  unknownFields = 0;
  /** Times that a sender had used up its flow-control window before the stream's end. */
  stalls = 0;
  /** HTTP status of a gRPC response. */
  httpStatus = 0;
  /** The client's deadline (`grpc-timeout`). */
  timeoutNs = -1;
  /** gRPC-Web: the trailers are a message. */
  web = false;
  requestMessages = -1;
  requestMessageBytes = -1;
  requestCompressed = -1;
  responseMessages = -1;
  responseMessageBytes = -1;
  responseCompressed = -1;
}
