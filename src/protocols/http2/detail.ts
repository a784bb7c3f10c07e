import { GrpcDetail } from '../../exchange/grpc/detail.ts';

/** How many bytes an Http2Detail takes beyond an HttpDetail. */
export const MORE_BYTES = 120;

/** What HTTP/2, and gRPC over it, add to an exchange. */
export class Http2Detail extends GrpcDetail {
  /** Header fields of request and response that refer to something that was not captured. */
  unknownFields = 0;
  /** Times that a sender had used up its flow-control window before the stream's end. */
  stalls = 0;
}
