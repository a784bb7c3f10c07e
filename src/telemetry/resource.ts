import type { Service } from '../naming/service.ts';
import { JsonAttributes, ProtobufAttributes } from './attributes.ts';
import { ProtobufWriter } from './protobuf.ts';
import { MAKER, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE } from './scope.ts';
import type { Point } from './series.ts';

/**
 * An observed service as a source of telemetry: one for each Service, found through `Service.memo`. There may be 131,072 of them, as
 * many as the namer remembers, so each holds little: what is encoded is held while a batch has spans of it.
 */
export class ServiceResource {
  /** Who made it: `Service.memo` may hold that of another pipeline. */
  readonly owner: object;
  readonly service: Service;
  /** Small and unique, to be part of keys. */
  readonly number: number;
  /** Series of its own, and those that take what does not fit any more, by metric. */
  points = 0;
  overflow: Map<string, Point> | null = null;
  /** Place of its spans in the batch being filled: chain of span indexes, valid for batch number `batch`. */
  batch = -1;
  firstSpan = -1;
  lastSpan = -1;
  readonly #agentId: string;
  #protobuf: Buffer | null = null;
  #json = '';

  constructor(owner: object, service: Service, number: number, agentId: string) {
    this.owner = owner;
    this.service = service;
    this.number = number;
    this.#agentId = agentId;
  }

  /** `Resource` of the spans, encoded: the field `resource = 1` of ResourceSpans. */
  get protobuf(): Buffer {
    this.#protobuf ??= encodeResource(this.#attributes());
    return this.#protobuf;
  }

  /** The same as JSON. */
  get json(): string {
    if (this.#json === '') this.#json = resourceJson(this.#attributes());
    return this.#json;
  }

  /** Resource attributes of the metrics. */
  get metricAttributes(): Readonly<Record<string, string>> {
    return { ...this.#attributes(), [SERVICE_INSTANCE_ID]: this.#agentId };
  }

  /** The batch is over. */
  release(): void {
    this.#protobuf = null;
    this.#json = '';
  }

  #attributes(): Record<string, string> {
    return serviceAttributes(this.service.name, this.service.namespace);
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
