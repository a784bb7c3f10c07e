/** A service as people know it. Interned by the namer: one object for each name and namespace. */
export class Service {
  readonly name: string;
  /** '' when none is known. */
  readonly namespace: string;
  /** True when a rule or file gave the name, false when it is just the address. */
  readonly known: boolean;
  /** What telemetry resolved for this service (its resource), kept here to spare a look-up. */
  memo: object | null = null;

  constructor(name: string, namespace: string, known: boolean) {
    this.name = name;
    this.namespace = namespace;
    this.known = known;
  }
}

/** Answers at once, from memory. Addresses as in Packet: four signed words, IPv4 in word 3. */
export interface Namer {
  /** `port`: the server's port, or 0 for a client (whose port means nothing). */
  service(ipVersion: number, w0: number, w1: number, w2: number, w3: number, port: number): Service;
}
