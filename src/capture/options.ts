/** The `capture` part of the configuration. */
export interface CaptureOptions {
  /** `auto`: the libpcap addon, or `cap` where the addon cannot be loaded. */
  readonly driver: 'auto' | 'libpcap' | 'cap';
  readonly interfaces: readonly string[];
  /** tcpdump filter expression; '' takes everything. */
  readonly filter: string;
  readonly snaplen: number;
  /** Kernel ring for each interface, bytes. */
  readonly ringBytes: number;
  readonly promiscuous: boolean;
  /** How long the kernel may collect packets before it wakes us, ms. */
  readonly batchDelayMs: number;
  /** Number of worker threads that share the packets by PACKET_FANOUT. */
  readonly shards: number;
}
