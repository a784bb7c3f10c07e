/** Numbers and words of DNS, by the IANA registry "Domain Name System (DNS) Parameters". */

export const QUERY = 0;
export const NOTIFY = 4;
export const UPDATE = 5;
/** Stateful operations (RFC 8490): the session's own talk, no questions. */
export const STATEFUL = 6;

/** By number; '' is not assigned. */
const OPCODES = ['QUERY', 'IQUERY', 'STATUS', '', 'NOTIFY', 'UPDATE', 'DSO'] as const;

export const knownOpcode = (opcode: number): boolean => opcode < OPCODES.length && OPCODES[opcode] !== '';
export const opcodeName = (opcode: number): string => OPCODES[opcode] ?? '';

export const A = 1;
export const NS = 2;
export const CNAME = 5;
export const SOA = 6;
export const PTR = 12;
export const MX = 15;
export const AAAA = 28;
export const NB = 32;
export const SRV = 33;
export const DNAME = 39;
export const OPT = 41;

export const INTERNET = 1;

const TYPES = new Map<number, string>(
  (
    '1 A,2 NS,3 MD,4 MF,5 CNAME,6 SOA,7 MB,8 MG,9 MR,10 NULL,11 WKS,12 PTR,13 HINFO,14 MINFO,15 MX,16 TXT,17 RP,18 AFSDB,' +
    '19 X25,20 ISDN,21 RT,22 NSAP,23 NSAP-PTR,24 SIG,25 KEY,26 PX,27 GPOS,28 AAAA,29 LOC,30 NXT,31 EID,32 NIMLOC,33 SRV,' +
    '34 ATMA,35 NAPTR,36 KX,37 CERT,38 A6,39 DNAME,40 SINK,41 OPT,42 APL,43 DS,44 SSHFP,45 IPSECKEY,46 RRSIG,47 NSEC,' +
    '48 DNSKEY,49 DHCID,50 NSEC3,51 NSEC3PARAM,52 TLSA,53 SMIMEA,55 HIP,56 NINFO,57 RKEY,58 TALINK,59 CDS,60 CDNSKEY,' +
    '61 OPENPGPKEY,62 CSYNC,63 ZONEMD,64 SVCB,65 HTTPS,66 DSYNC,67 HHIT,68 BRID,99 SPF,104 NID,105 L32,106 L64,107 LP,' +
    '108 EUI48,109 EUI64,128 NXNAME,249 TKEY,250 TSIG,251 IXFR,252 AXFR,253 MAILB,254 MAILA,255 ANY,256 URI,257 CAA,' +
    '258 AVC,259 DOA,260 AMTRELAY,261 RESINFO,262 WALLET,263 CLA,264 IPN,32768 TA,32769 DLV'
  )
    .split(',')
    .map((entry) => {
      const [number, name] = entry.split(' ');
      return [Number(number), name!];
    }),
);
/** Types for private use (RFC 6895 section 3.1). */
const FIRST_PRIVATE = 65_280;
const LAST_PRIVATE = 65_534;

/** `A`; `TYPE1234` where it has no name (RFC 3597 section 5). */
export const typeName = (type: number): string => TYPES.get(type) ?? `TYPE${type}`;
export const knownType = (type: number): boolean => TYPES.has(type) || (type >= FIRST_PRIVATE && type <= LAST_PRIVATE);

/** IN, CH, HS, NONE, ANY. */
export const knownClass = (c: number): boolean => c === INTERNET || c === 3 || c === 4 || c === 254 || c === 255;

/** By number, those beyond 15 only with EDNS (RFC 6891 section 6.1.3); '' is not assigned. */
const RCODES = (
  'NOERROR,FORMERR,SERVFAIL,NXDOMAIN,NOTIMP,REFUSED,YXDOMAIN,YXRRSET,NXRRSET,NOTAUTH,NOTZONE,DSOTYPENI,,,,,' +
  'BADVERS,BADKEY,BADTIME,BADMODE,BADNAME,BADALG,BADTRUNC,BADCOOKIE'
).split(',');
/** Of those that a header's four bits can hold. */
const LAST_PLAIN_RCODE = 11;

export const knownRcode = (rcode: number): boolean => rcode <= LAST_PLAIN_RCODE;
/** `NXDOMAIN`; `RCODE3841` where it has no name. */
export const rcodeName = (rcode: number): string => RCODES[rcode] || `RCODE${rcode}`;
