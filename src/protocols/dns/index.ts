import type { Protocol } from '../protocol.ts';
import { DatagramDecoder } from './datagrams.ts';
import { probeDatagram, probeStream } from './probe.ts';
import { dnsSemantics, PORT } from './semantics.ts';
import { MAX_WHOLE, StreamDecoder } from './stream.ts';

/** DNS over UDP: RFC 1035, RFC 6891. */
export const dnsOverUdp: Protocol = {
  name: 'dns',
  transport: 'udp',
  pairing: 'keyed',
  ports: [PORT],
  // multicast DNS (RFC 6762), LLMNR (RFC 4795)
  multicastPorts: [5353, 5355],
  maxHead: MAX_WHOLE,
  probe: probeDatagram,
  open: (exchanges) => new DatagramDecoder(exchanges),
  semantics: dnsSemantics,
};

/** DNS over TCP: RFC 7766. */
export const dnsOverTcp: Protocol = {
  name: 'dns',
  transport: 'tcp',
  pairing: 'keyed',
  ports: [PORT],
  maxHead: MAX_WHOLE,
  probe: probeStream,
  open: (exchanges) => new StreamDecoder(exchanges),
  semantics: dnsSemantics,
};
