/** The first bytes of protocols, as their clients and servers send them, by the specifications or from live programs. */

import { type Conversation, sayings } from './conversation.ts';
import { CLIENT, SERVER } from './frame.ts';

/** What each side says first; empty where it waits for the other. */
export interface Opening {
  readonly name: string;
  readonly client: Buffer;
  readonly server: Buffer;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const opening = (name: string, client: string | Buffer, server: string | Buffer = ''): Opening => ({
  name,
  client: Buffer.from(client as string),
  server: Buffer.from(server as string),
});

const zeros = (n: number): string => '00'.repeat(n);

export const OPENINGS: readonly Opening[] = [
  opening(
    'tls',
    hex(`16 0301 00c8 01 0000c4 0303 ${'5a'.repeat(32)} 20 ${'a5'.repeat(32)} 0006 1301 1302 1303 0100 0075`),
    hex(`16 0303 007a 02 000076 0303 ${'5a'.repeat(32)} 20 ${'a5'.repeat(32)} 1301 00`),
  ),
  opening(
    'http2',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0',
    hex('000012 04 00 00000000 0003 00000080'),
  ),
  // joined midway: frames as they stand anywhere in a connection (HEADERS of a GET and its answer, a window and a ping)
  opening(
    'http2 midway',
    hex('00000d 01 05 00000007 82 86 84 41 8a 089d5c0b8170dc780f03'),
    hex('000001 01 04 00000007 88 000005 00 01 00000007 68656c6c6f'),
  ),
  opening(
    'http2 control frames',
    hex('000004 08 00 00000000 000f0001 000008 06 01 00000000 0000000000000001'),
    hex('000008 06 00 00000000 0000000000000001 000004 03 00 00000009 00000008'),
  ),
  opening('proxy 1', 'PROXY TCP4 203.0.113.7 10.0.0.2 51000 443\r\n'),
  opening('proxy 2', hex('0d0a0d0a000d0a515549540a 21 11 000c cb0071070a000002c73801bb')),
  opening('ssh', 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', 'SSH-2.0-OpenSSH_9.2p1\r\n'),
  opening(
    'mysql',
    hex('20000001 85a6ff01 00000001 2d'),
    hex(`4a000000 0a 382e302e3336 00 08000000 ${'41'.repeat(8)} 00 ffff`),
  ),
  opening(
    'mysql midway',
    hex('09000000 03 53454c4543542031'),
    hex('01000001 01 17000002 03646566 00 00 00 01 31 00 0c'),
  ),
  opening('mysql ok', hex('01000000 0e'), hex('07000001 00 0000 0200 0000')),
  opening('mysql error', hex('05000000 02 6e6f6e65'), hex('0b000001 ff 1904 23 3432303030 6e6f')),
  opening('mysql prepared', hex('0a000000 17 01000000 00 01000000'), hex('0c000001 00 01000000 0000 0000 00 0000')),
  opening(
    'mysql compressed',
    hex('0d0000 00 000000 09000000 03 53454c4543542031'),
    hex('0b0000 01 000000 07000001 00 0000 0200 0000'),
  ),
  // the younger protocol of the same servers: a length of four bytes, then a type
  opening('mysqlx', hex('01000000 01'), hex('05000000 0b 08051a00')),
  opening(
    'postgresql',
    Buffer.concat([hex('00000029 00030000'), Buffer.from('user\0alice\0database\0shop\0\0')]),
    hex('52 00000008 00000000 53 00000016'),
  ),
  opening('postgresql ssl', hex('00000008 04d2162f'), 'S'),
  opening('postgresql cancel', hex('00000010 04d2162e 00001267 1234abcd')),
  opening('postgresql simple query', 'Q\0\0\0\x0eSELECT 1;\0', 'C\0\0\0\rSELECT 1\0Z\0\0\0\x05I'),
  opening(
    'postgresql prepared statement',
    hex('42 00000010 00 5331 00 0000 0000 0000 0000 45 00000009 00 00000000 53 00000004'),
    hex('32 00000004 44 0000000b 0001 00000001 31'),
  ),
  opening('postgresql copy', 'd\0\0\0\n1\tone\nd\0\0\0\n2\ttwo\nc\0\0\0\x04', 'C\0\0\0\x0bCOPY 2\0'),
  opening('redis', '*2\r\n$3\r\nGET\r\n$5\r\nHTTP/\r\n', '$-1\r\n'),
  opening('redis inline', 'PING\r\n', '+PONG\r\n'),
  opening('redis inline get', 'GET key\r\n', '$5\r\nvalue\r\n'),
  opening(
    'redis subscriber',
    '*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n',
    '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n',
  ),
  opening('redis 3', '*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n', '%1\r\n$5\r\nproto\r\n:3\r\n'),
  opening('redis inline set', 'SET key 5\r\n', '+OK\r\n'),
  opening('redis replica', '*1\r\n$4\r\nPING\r\n', '-LOADING Redis is loading the dataset in memory\r\n'),
  opening('memcached', 'get /some/key\r\n', 'END\r\n'),
  opening('memcached set', 'set key 0 0 5\r\nvalue\r\n', 'STORED\r\n'),
  opening('memcached meta', 'mg key v\r\n', 'VA 2\r\nhi\r\n'),
  opening(
    'memcached binary',
    hex(`80 00 0003 00 00 0000 00000003 00000001 ${zeros(8)} 6b6579`),
    hex(`81 00 0000 04 00 0000 00000006 00000001 ${zeros(8)} 00000000 6869`),
  ),
  opening('beanstalkd', 'put 0 0 60 5\r\nhello\r\n', 'INSERTED 1\r\n'),
  opening(
    'mongodb',
    hex(`35000000 01000000 00000000 dd070000 00000000 00 20000000 10 68656c6c6f00 01000000`),
    hex('2d000000 02000000 01000000 dd070000'),
  ),
  opening(
    'mongodb legacy handshake',
    hex(
      `40000000 01000000 00000000 d4070000 00000000 61646d696e2e24636d6400 00000000 ffffffff 19000000 10 69736d617374657200 01000000 00`,
    ),
    hex(
      `35000000 05000000 01000000 01000000 08000000 ${zeros(8)} 00000000 01000000 11000000 01 6f6b00 000000000000f03f 00`,
    ),
  ),
  opening(
    'mongodb compressed',
    hex(`2a000000 02000000 00000000 dc070000 dd070000 1e000000 02 789c6360606060`),
    hex(`2a000000 06000000 02000000 dc070000 dd070000 1e000000 01 1e74000000`),
  ),
  opening('kafka', hex('00000023 0012 0003 00000001 000a 636f6e73 756d6572 2d31 00'), hex('0000001a 00000001 0000')),
  // SaslHandshake; Fetch and its answer on a connection joined midway
  opening(
    'kafka sasl',
    hex('00000018 0011 0001 00000000 0007 72646b61666b61 0005 504c41494e'),
    hex('00000011 00000000 0000 00000001 0005 504c41494e'),
  ),
  opening(
    'kafka fetch',
    hex(
      '00000038 0001 0004 00000100 0003 617070 ffffffff 000001f4 00000001 03200000 00 00000001 0006 6f7264657273 00000000',
    ),
    hex('0000001a 00000100 00000000 00000001 0006 6f7264657273 00000000'),
  ),
  opening('amqp', 'AMQP\0\0\x09\x01', hex(`01 0000 000001fb 000a000a 0009 ${zeros(8)}`)),
  // the same name, another protocol; and frames of the right form that are none
  opening('amqp-1.0', 'AMQP\0\x01\0\0', 'AMQP\x03\x01\0\0'),
  opening('amqp-0-10', 'AMQP\x01\x01\0\x0a', hex('0f 01 0000 0014 0000 00000000 0101 0000 00000000 0000')),
  opening(
    'framed',
    hex('01 0001 0000000d 003c0050 0000000000000001 00 cd'),
    hex('01 0001 00000008 00370050 00000001 ce'),
  ),
  opening('mqtt', hex('10 12 0004 4d515454 04 02 003c 0006 636c69656e74'), hex('20 02 0000')),
  opening(
    'nats',
    'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n',
    'INFO {"server_id":"NA","version":"2.9"}\r\n',
  ),
  opening(
    'sip',
    'INVITE sip:bob@biloxi.example SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n',
    'SIP/2.0 180 Ringing\r\nVia: x\r\n\r\n',
  ),
  opening('rtsp', 'OPTIONS rtsp://camera/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'),
  opening('smtp', 'EHLO mail.example.org\r\n', '220 mail.example.org ESMTP Postfix\r\n'),
  opening('ftp', 'USER anonymous\r\n', '220 ProFTPD Server ready.\r\n'),
  opening('pop3', 'USER alice\r\n', '+OK POP3 ready\r\n'),
  opening('imap', 'a001 LOGIN alice secret\r\n', '* OK [CAPABILITY IMAP4rev1] ready\r\n'),
  opening(
    'dns over tcp',
    hex('001d 1234 0100 0001 0000 0000 0000 03777777 07657861 6d706c65 00 0001 0001'),
    hex('002d 1234 8180 0001 0001'),
  ),
  opening(
    'dns over udp',
    hex('1234 0120 0001 0000 0000 0001 03777777 07657861 6d706c65 00 0001 0001 00 0029 04d0 00000000 0000'),
    hex('1234 8180 0001 0001 0000 0000 03777777 07657861 6d706c65 00 0001 0001 c00c 0001 0001 0000012c 0004 0a000001'),
  ),
  opening('dns zone transfer', hex('001c 0007 0000 0001 0000 0000 0000 04 7a6f6e65 05 6c6f63616c 00 00fc 0001')),
  // the form of DNS, with names and types of its own (RFC 1002)
  opening(
    'netbios names',
    hex(`8031 0110 0001 0000 0000 0000 20 ${'434b'}${'41'.repeat(30)} 00 0021 0001`),
    hex(`8031 8500 0000 0001 0000 0000 20 ${'434b'}${'41'.repeat(30)} 00 0020 0001 000493e0 0006 0000 0a000001`),
  ),
  opening(
    'ntp',
    hex(`23 02 06 ec 00000a1b 00000b2c 0a000001 ${'e1b2c3d4 00000000'.repeat(4)}`),
    hex(`24 02 06 ec 00000a1b 00000b2c 0a000001 ${'e1b2c3d4 00000000'.repeat(4)}`),
  ),
  opening('snmp', hex('3026 020101 0406 7075626c6963 a019 0204 12345678 020100 020100 300b 3009 06052b06010201 0500')),
  opening(
    'quic',
    hex(`c3 00000001 08 ${'5a'.repeat(8)} 00 00 44d0 ${'a5'.repeat(64)}`),
    hex(`e9 00000001 00 08 ${'5a'.repeat(8)}`),
  ),
  opening(
    'stun',
    hex(`0001 0000 2112a442 ${'5a'.repeat(12)}`),
    hex(`0101 000c 2112a442 ${'5a'.repeat(12)} 0020 0008 0001 a147`),
  ),
  opening('syslog', '<34>1 2026-11-23T18:00:00Z host app - - - message'),
  opening('statsd', 'requests:1|c\nlatency:320|ms'),
  opening('ldap', hex('30 0c 02 01 01 60 07 02 01 03 04 00 80 00'), hex('30 0c 02 01 01 61 07 0a 01 00 04 00 04 00')),
  opening('cassandra', hex('04 00 0000 01 00000016 0001 000b 43514c5f 56455253 494f4e'), hex('84 00 0000 02 00000000')),
  opening(
    'zookeeper',
    hex(`0000002d 00000000 ${zeros(8)} 00007530 ${zeros(8)} 00000010`),
    hex('00000025 00000000 00007530'),
  ),
  opening('rdp', hex('03 00 002c 27 e0 0000 0000 00 436f6f6b 69653a20'), hex('03 00 0013 0e d0 0000')),
  opening('bittorrent', '\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05', '\x13BitTorrent protocol'),
  opening('zeros', Buffer.alloc(64), Buffer.alloc(64)),
];

/** The first words of a protocol's own conversations, for the other protocols' probes. */
export function openingsOf(name: string, conversations: readonly Conversation[]): Opening[] {
  return conversations.map((c) => {
    const first = (side: number): Buffer => sayings(c).find((s) => s.side === side)?.bytes ?? Buffer.alloc(0);
    return {
      name: `${name}: ${c.name}`,
      client: first(CLIENT).subarray(0, 1024),
      server: first(SERVER).subarray(0, 1024),
    };
  });
}
