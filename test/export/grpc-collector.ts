import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';

/** A request as a Collector got it, decompressed by its gRPC. */
export interface Call {
  path: string;
  metadata: Metadata;
  deadlineMs: number;
  body: string;
  peer: string;
  /** CN of its certificate, '' without one. */
  client: string;
}

export type Reply = sendUnaryData<Buffer>;

export interface GrpcCollector {
  readonly port: number;
  readonly received: Call[];
  /** What it answers; by default OK with an empty message. */
  answer: (call: Call, reply: Reply) => void;
  close(): void;
}

const raw = { serialize: (b: Buffer) => b, deserialize: (b: Buffer) => b };
const method = (path: string) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: raw.serialize,
  requestDeserialize: raw.deserialize,
  responseSerialize: raw.serialize,
  responseDeserialize: raw.deserialize,
});

export interface ServerFiles {
  readonly key: string;
  readonly cert: string;
  /** Clients must have a certificate of this authority; '' asks for none. */
  readonly clientCa: string;
}

/** A server of OTLP by @grpc/grpc-js, which is none of ours, on 127.0.0.1. */
export async function grpcCollector(port = 0, files: ServerFiles | null = null): Promise<GrpcCollector> {
  const server = new Server();
  const handle = (call: ServerUnaryCall<Buffer, Buffer>, reply: Reply): void => {
    const deadline = call.getDeadline();
    const received = {
      path: call.getPath(),
      metadata: call.metadata,
      deadlineMs: Number(deadline) - Date.now(),
      body: call.request.toString('latin1'),
      peer: call.getPeer(),
      client: String(call.getAuthContext().sslPeerCertificate?.subject.CN ?? ''),
    };
    self.received.push(received);
    self.answer(received, reply);
  };
  const packages = ['trace.v1.TraceService', 'metrics.v1.MetricsService'];
  for (const name of packages) {
    const definition = { Export: method(`/opentelemetry.proto.collector.${name}/Export`) };
    server.addService(definition as ServiceDefinition, { Export: handle });
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials(files), (error, number) => {
      if (error === null) resolve(number);
      else reject(error);
    });
  });
  const self: GrpcCollector = {
    port: bound,
    received: [],
    answer: (_call, reply) => reply(null, Buffer.alloc(0)),
    close: () => server.forceShutdown(),
  };
  return self;
}

function credentials(files: ServerFiles | null): ServerCredentials {
  if (files === null) return ServerCredentials.createInsecure();
  const pair = { private_key: readFileSync(files.key), cert_chain: readFileSync(files.cert) };
  return files.clientCa === ''
    ? ServerCredentials.createSsl(null, [pair], false)
    : ServerCredentials.createSsl(readFileSync(files.clientCa), [pair], true);
}

/** The message of a call, unpacked as the prefix says. */
export function messageOf(frame: Buffer): Buffer {
  const message = frame.subarray(5, 5 + frame.readUInt32BE(1));
  return frame[0] === 1 ? gunzipSync(message) : message;
}
