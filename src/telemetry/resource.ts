import type { Service } from '../naming/service.ts';
import { JsonAttributes, ProtobufAttributes } from './attributes.ts';
import { ProtobufWriter } from './protobuf.ts';
import { MAKER, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE } from './scope.ts';
import type { Point } from './series.ts';

/** An observed service as a source of telemetry: one for each Service, found through `Service.memo`. */
export class ServiceResource {
  /** Who made it: `Service.memo` may hold that of another pipeline. */
  readonly owner: object;
  readonly service: Service;
  /** Small and unique, to be part of keys. */
  readonly number: number;
  /** `Resource` of the spans, encoded: the field `resource = 1` of ResourceSpans, and its JSON. */
  readonly protobuf: Buffer;
  readonly json: string;
  /** Resource attributes of the metrics. */
  readonly metricAttributes: Readonly<Record<string, string>>;
  /** Series of its own, and those that take what does not fit any more, by metric. */
  points = 0;
  overflow: Map<string, Point> | null = null;
  /** Place of its spans in the batch being filled: chain of span indexes, valid for batch number `batch`. */
  batch = -1;
  firstSpan = -1;
  lastSpan = -1;

  constructor(owner: object, service: Service, number: number, agentId: string) {
    this.owner = owner;
    this.service = service;
    this.number = number;
    const attributes = serviceAttributes(service.name, service.namespace);
    this.metricAttributes = { ...attributes, [SERVICE_INSTANCE_ID]: agentId };
    this.protobuf = encodeResource(attributes);
    this.json = resourceJson(attributes);
  }
}

export function serviceAttributes(name: string, namespace: string): Record<string, string> {
  const attributes: Record<string, string> = { [SERVICE_NAME]: name };
  if (namespace !== '') attributes[SERVICE_NAMESPACE] = namespace;
  return Object.assign(attributes, MAKER);
}

/** Field 1 `Resource { attributes = 1 }` of ResourceSpans and ResourceMetrics. */
export function encodeResource(attributes: Readonly<Record<string, string>>): Buffer {
  const w = new ProtobufWriter(512);
  const at = w.open(0x0a);
  const out = new ProtobufAttributes(w, 0x0a);
  for (const [key, value] of Object.entries(attributes)) {
    w.room(3 * (key.length + value.length) + 32);
    out.string(key, value);
  }
  w.close(at);
  return w.take();
}

export function resourceJson(attributes: Readonly<Record<string, string>>): string {
  const out = new JsonAttributes();
  for (const [key, value] of Object.entries(attributes)) out.string(key, value);
  return `{"attributes":[${out.take()}],"droppedAttributesCount":0}`;
}
