/** The commands of Redis, Valkey and their common modules: a closed vocabulary, found by their bytes. */

/** What a command does to the connection. */
export const PLAIN = 0;
export const SELECT = 1;
/** (P|S)(UN)SUBSCRIBE: answered by one message for each channel. */
export const SUBSCRIPTION = 2;
export const CLIENT_REPLY = 3;
export const RESET = 4;
/** SYNC, PSYNC: the connection becomes a feed of commands from master to replica. */
export const SYNC = 5;
export const REPLCONF = 6;
/** XREAD, XREADGROUP: may wait, if told so. */
export const XREAD = 7;
export const SHUTDOWN = 8;
/** Calls a script or function by its name. */
export const PROCEDURE = 9;
export const MULTI = 10;
/** EXEC, DISCARD: the transaction is over. */
export const EXEC = 11;
/** CLUSTER SYNCSLOTS (Valkey 9): from then on one node feeds the other the slots that move. */
export const SYNCSLOTS = 12;

const EVERYTHING = Number.POSITIVE_INFINITY;

export class Command {
  /** In capitals, with its subcommand: `CONFIG GET`. */
  readonly name: string;
  /** The first word of it. */
  readonly word: string;
  /** Number of words, the command's own included; negative: at least so many. */
  readonly arity: number;
  /**
   * Indices of the arguments that are keys, as COMMAND INFO tells them: 0 for none, last counted from the end when
   * negative.
   */
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  kind = PLAIN;
  /** Some keys stand where only the other arguments tell. */
  movableKeys = false;
  /** The server may take its time. */
  waits = false;
  /** Arguments from this index on (1 is the first) are never shown: a password may be among them. */
  secretFrom = EVERYTHING;
  subcommands: Command[] | null = null;

  constructor(name: string, arity: number, firstKey: number, lastKey: number, keyStep: number) {
    this.name = name;
    const space = name.indexOf(' ');
    this.word = space < 0 ? name : name.slice(0, space);
    this.arity = arity;
    this.firstKey = firstKey;
    this.lastKey = lastKey;
    this.keyStep = keyStep;
  }

  /** Whether argument `index` of `count` words is a key. */
  isKey(index: number, count: number): boolean {
    if (this.firstKey === 0 || index < this.firstKey) return false;
    const last = this.lastKey < 0 ? count + this.lastKey : this.lastKey;
    return index <= last && (index - this.firstKey) % this.keyStep === 0;
  }

  /** Whether a command of so many words can be this one. */
  takes(count: number): boolean {
    return this.arity >= 0 ? count === this.arity : count >= -this.arity;
  }
}

/**
 * First key, last key, step: commands with their arity. From COMMAND INFO of Redis 7, newer ones and modules from their
 * documentation.
 */
const TABLE: readonly [number, number, number, string][] = [
  [
    0,
    0,
    0,
    `acl:-2 asking:1 auth:-2 bgrewriteaof:1 bgsave:-1 blmpop:-5 bzmpop:-5 client:-2 cluster:-2 clusterscan:-2 command:-1 commandlog:-2 config:-2
    dbsize:1 debug:-2 discard:1 echo:2 eval:-3 eval_ro:-3 evalsha:-3 evalsha_ro:-3 exec:1 failover:-1 fcall:-3
    fcall_ro:-3 flushall:-1 flushdb:-1 ft._list:1 function:-2 hello:-1 info:-1 keys:2 lastsave:1 latency:-2 lmpop:-4
    lolwut:-1 memory:-2 module:-2 monitor:1 msetex:-4 multi:1 object:-2 pfselftest:1 ping:-1 psubscribe:-2 psync:-3 publish:3
    pubsub:-2 punsubscribe:-1 quit:-1 randomkey:1 readonly:1 readwrite:1 replconf:-1 replicaof:3 reset:1 role:1
    save:1 scan:-2 script:-2 select:2 sentinel:-2 shutdown:-1 sintercard:-3 slaveof:3 slowlog:-2 subscribe:-2
    swapdb:3 sync:1 time:1 ts.mget:-3 ts.mrange:-5 ts.mrevrange:-5 ts.queryindex:-2 unsubscribe:-1 unwatch:1 wait:3
    waitaof:4 xgroup:-2 xinfo:-2 xread:-4 xreadgroup:-7 zdiff:-3 zinter:-3 zintercard:-3 zmpop:-4 zunion:-3`,
  ],
  [1, -2, 1, 'blpop:-3 brpop:-3 bzpopmax:-3 bzpopmin:-3 json.mget:-3'],
  [
    1,
    -1,
    1,
    `del:-2 exists:-2 mget:-2 pfcount:-2 pfmerge:-2 sdiff:-2 sdiffstore:-3 sinter:-2 sinterstore:-3 ssubscribe:-2
    sunion:-2 sunionstore:-3 sunsubscribe:-1 touch:-2 unlink:-2 watch:-2`,
  ],
  [1, -1, 2, 'mset:-3 msetnx:-3'],
  [1, -1, 3, 'json.mset:-4 ts.madd:-4'],
  [
    1,
    1,
    1,
    `append:3 bf.add:3 bf.card:2 bf.exists:3 bf.info:-2 bf.insert:-4 bf.madd:-3 bf.mexists:-3 bf.reserve:-4
    bitcount:-2 bitfield:-2 bitfield_ro:-2 bitpos:-3 cf.add:3 cf.addnx:3 cf.count:3 cf.del:3 cf.exists:3
    cf.reserve:-3 cms.incrby:-4 cms.initbydim:4 cms.query:-3 decr:2 decrby:3 delex:-2 delifeq:3 digest:2 dump:2 expire:-3 expireat:-3
    expiretime:2 ft.aggregate:-3 ft.alter:-5 ft.create:-4 ft.dropindex:-2 ft.explain:-3 ft.info:2 ft.search:-3
    ft.sugadd:-4 ft.sugget:-3 geoadd:-5 geodist:-4 geohash:-2 geopos:-2 georadius:-6 georadius_ro:-6
    georadiusbymember:-5 georadiusbymember_ro:-5 geosearch:-7 get:2 getbit:3 getdel:2 getex:-2 getrange:4 getset:3
    hdel:-3 hexists:3 hexpire:-6 hexpireat:-6 hexpiretime:-5 hget:3 hgetall:2 hgetdel:-5 hgetex:-5 hincrby:4
    hincrbyfloat:4 hkeys:2 hlen:2 hmget:-3 hmset:-4 hpersist:-5 hpexpire:-6 hpexpireat:-6 hpexpiretime:-5 hpttl:-5
    hrandfield:-2 hscan:-3 hset:-4 hsetex:-6 hsetnx:4 hstrlen:3 httl:-5 hvals:2 incr:2 incrby:3 incrbyfloat:3
    json.arrappend:-4 json.arrindex:-4 json.arrinsert:-5 json.arrlen:-2 json.arrpop:-2 json.arrtrim:5 json.clear:-2
    json.del:-2 json.forget:-2 json.get:-2 json.merge:4 json.numincrby:4 json.nummultby:4 json.objkeys:-2
    json.objlen:-2 json.resp:-2 json.set:-4 json.strappend:-3 json.strlen:-2 json.toggle:3 json.type:-2 lindex:3
    linsert:5 llen:2 lpop:-2 lpos:-3 lpush:-3 lpushx:-3 lrange:4 lrem:4 lset:4 ltrim:4 move:3 persist:2 pexpire:-3
    pexpireat:-3 pexpiretime:2 pfadd:-2 psetex:4 pttl:2 restore:-4 restore-asking:-4 rpop:-2 rpush:-3 rpushx:-3
    sadd:-3 scard:2 set:-3 setbit:4 setex:4 setnx:3 setrange:4 sismember:3 smembers:2 smismember:-3 sort:-2
    sort_ro:-2 spop:-2 spublish:3 srandmember:-2 srem:-3 sscan:-3 strlen:2 substr:4 topk.add:-3 topk.list:-2
    topk.query:-3 topk.reserve:-3 ts.add:-4 ts.alter:-2 ts.create:-2 ts.decrby:-3 ts.del:4 ts.get:-2 ts.incrby:-3
    ts.info:-2 ts.range:-4 ts.revrange:-4 ttl:2 type:2 vadd:-5 vcard:2 vdim:2 vemb:-3 vgetattr:3 vinfo:2
    vismember:3 vlinks:-3 vrandmember:-2 vrem:3 vsetattr:4 vsim:-4 xack:-4
    xackdel:-6 xadd:-5 xautoclaim:-6 xclaim:-6 xdel:-3 xdelex:-5 xlen:2 xpending:-3 xrange:-4 xrevrange:-4 xsetid:-3
    xtrim:-4 zadd:-4 zcard:2 zcount:4 zdiffstore:-4 zincrby:4 zinterstore:-4 zlexcount:4 zmscore:-3 zpopmax:-2
    zpopmin:-2 zrandmember:-2 zrange:-4 zrangebylex:-4 zrangebyscore:-4 zrank:-3 zrem:-3 zremrangebylex:4
    zremrangebyrank:4 zremrangebyscore:4 zrevrange:-4 zrevrangebylex:-4 zrevrangebyscore:-4 zrevrank:-3 zscan:-3
    zscore:3 zunionstore:-4`,
  ],
  [
    1,
    2,
    1,
    'blmove:6 brpoplpush:4 copy:-3 geosearchstore:-8 lcs:-3 lmove:5 rename:3 renamenx:3 rpoplpush:3 smove:4 zrangestore:-5',
  ],
  [2, -1, 1, 'bitop:-4'],
  [2, 2, 1, 'pfdebug:3'],
  [3, 3, 1, 'migrate:-6'],
];

/** Subcommands; where they take a key it is the word behind them. */
const SUBCOMMANDS: Record<string, string> = {
  acl: 'cat deluser dryrun genpass getuser help list load log save setuser users whoami',
  client: `caching capa getname getredir help id import-source info kill list no-evict no-touch pause reply setinfo setname
    tracking trackinginfo unblock unpause`,
  cluster: `addslots addslotsrange bumpepoch cancelslotmigrations count-failure-reports countkeysinslot delslots delslotsrange
    failover flushslot flushslots forget getkeysinslot getslotmigrations help info keyslot links meet migrateslots myid myshardid nodes replicas
    replicate reset saveconfig set-config-epoch setslot shards slaves slot-stats slots
    syncslots`,
  commandlog: 'get help len reset',
  command: 'count docs getkeys getkeysandflags help info list',
  config: 'get help resetstat rewrite set',
  debug: 'object reload segfault sleep',
  function: 'delete dump flush help kill list load restore stats',
  latency: 'doctor graph help histogram history latest reset',
  memory: 'doctor help malloc-stats purge stats usage',
  module: 'help list load loadex unload',
  object: 'encoding freq help idletime refcount',
  pubsub: 'channels help numpat numsub shardchannels shardnumsub',
  script: 'debug exists flush help kill load show',
  sentinel: `ckquorum config debug failover flushconfig get-master-addr-by-name help info-cache
    is-master-down-by-addr master masters monitor myid pending-scripts remove replicas reset sentinels
    set simulate-failure slaves`,
  slowlog: 'get help len reset',
  xgroup: 'create createconsumer delconsumer destroy help setid',
  xinfo: 'consumers groups help stream',
};
const KEYED_CONTAINERS = ['object', 'xgroup', 'xinfo'];

/** Longest name of a command or subcommand. */
export const MAX_WORD = 24;

/** More than twice as many slots as commands, a power of two. */
const SLOTS = 2048;
const COMMANDS: (Command | null)[] = new Array<Command | null>(SLOTS).fill(null);
const NAMES = new Map<string, Command>();

/** One bit makes letters capitals; the few other characters of names stay apart all the same. */
const capital = (b: number): number => (b >= 97 && b <= 122 ? b - 32 : b);

function sameWord(word: string, buf: Uint8Array, from: number, to: number): boolean {
  if (word.length !== to - from) return false;
  for (let i = from; i < to; i++) if (word.charCodeAt(i - from) !== capital(buf[i]!)) return false;
  return true;
}

function hash(buf: Uint8Array, from: number, to: number): number {
  let h = to - from;
  for (let i = from; i < to; i++) h = (Math.imul(h, 31) + (buf[i]! & 0xdf)) | 0; // the case of letters is this one bit
  return (h ^ (h >>> 15)) & (SLOTS - 1);
}

/** The command that `buf[from, to)` names, in whatever case; null: none. */
export function findCommand(buf: Uint8Array, from: number, to: number): Command | null {
  if (to - from > MAX_WORD) return null;
  for (let slot = hash(buf, from, to); ; slot = (slot + 1) & (SLOTS - 1)) {
    const c = COMMANDS[slot]!;
    if (c === null || sameWord(c.word, buf, from, to)) return c;
  }
}

/** The subcommand of `command` that `buf[from, to)` names; null: none. */
export function findSubcommand(command: Command, buf: Uint8Array, from: number, to: number): Command | null {
  const space = command.word.length + 1;
  for (const c of command.subcommands!) {
    if (c.name.length !== space + to - from) continue;
    let i = from;
    while (i < to && c.name.charCodeAt(space + i - from) === capital(buf[i]!)) i++;
    if (i === to) return c;
  }
  return null;
}

/** Whether metrics may tell it apart. */
export const isKnown = (name: string): boolean => NAMES.has(name);

function add(c: Command): void {
  NAMES.set(c.name, c);
  const word = new Uint8Array(c.word.length).map((_, i) => c.word.charCodeAt(i));
  let slot = hash(word, 0, word.length);
  while (COMMANDS[slot] !== null) slot = (slot + 1) & (SLOTS - 1);
  COMMANDS[slot] = c;
}

for (const [first, last, step, list] of TABLE) {
  for (const entry of list.split(/\s+/)) {
    const [name, arity] = entry.split(':');
    add(new Command(name!.toUpperCase(), Number(arity), first, last, step));
  }
}
for (const [word, list] of Object.entries(SUBCOMMANDS)) {
  const key = KEYED_CONTAINERS.includes(word) ? 2 : 0;
  const container = NAMES.get(word.toUpperCase())!;
  container.subcommands = list.split(/\s+/).map((sub) => {
    const c = new Command(`${container.name} ${sub.toUpperCase()}`, -2, key, key, 1);
    NAMES.set(c.name, c);
    return c;
  });
}

/** The command of that name, which is in the table. */
const known = (name: string): Command => NAMES.get(name)!;
const each = (names: string): Command[] => names.split(' ').map(known);

known('SELECT').kind = SELECT;
known('RESET').kind = RESET;
known('REPLCONF').kind = REPLCONF;
known('SHUTDOWN').kind = SHUTDOWN;
known('MULTI').kind = MULTI;
for (const c of each('EXEC DISCARD')) c.kind = EXEC;
known('CLIENT REPLY').kind = CLIENT_REPLY;
known('CLUSTER SYNCSLOTS').kind = SYNCSLOTS;
for (const c of each('SYNC PSYNC')) c.kind = SYNC;
for (const c of each('XREAD XREADGROUP')) c.kind = XREAD;
for (const c of each('EVALSHA EVALSHA_RO FCALL FCALL_RO')) c.kind = PROCEDURE;
for (const c of each('BLMPOP BLPOP BLMOVE BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN WAIT WAITAOF')) c.waits = true;
known('DEBUG SLEEP').waits = true;
for (const c of each(
  'BLMPOP BZMPOP EVAL EVAL_RO EVALSHA EVALSHA_RO FCALL FCALL_RO GEORADIUS GEORADIUSBYMEMBER LMPOP MIGRATE',
))
  c.movableKeys = true;
for (const c of each(
  'MSETEX SINTERCARD SORT SORT_RO XREAD XREADGROUP ZDIFF ZDIFFSTORE ZINTER ZINTERCARD ZINTERSTORE ZMPOP ZUNION',
))
  c.movableKeys = true;
known('ZUNIONSTORE').movableKeys = true;
// AUTH [user] password; HELLO version AUTH user password; ACL SETUSER user rules, which set passwords; CONFIG SET of
// requirepass and its like; MIGRATE ... AUTH password; SENTINEL SET ... auth-pass; MODULE LOADEX ... CONFIG name value;
// REPLCONF is between servers.
known('AUTH').secretFrom = 1;
known('HELLO').secretFrom = 2;
known('ACL SETUSER').secretFrom = 3;
known('ACL DRYRUN').secretFrom = 3;
known('CONFIG SET').secretFrom = 3;
known('MIGRATE').secretFrom = 6;
known('SENTINEL SET').secretFrom = 3;
known('SENTINEL CONFIG').secretFrom = 2;
known('MODULE LOAD').secretFrom = 3;
known('MODULE LOADEX').secretFrom = 3;

/** Subscriptions in the order of what acknowledges them: `subscribe`, `unsubscribe` and so on. */
export const SUBSCRIPTIONS: readonly Command[] = each(
  'SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE',
);
for (const c of SUBSCRIPTIONS) c.kind = SUBSCRIPTION;

/** Whether the target of such a command ends with the name of what is called: `FCALL topup`. */
export const callsProcedure = (word: string): boolean => NAMES.get(word)?.kind === PROCEDURE;

/** What a client may say that has subscribed to channels in RESP2. */
export function mayBeSaidSubscribed(word: string): boolean {
  return SUBSCRIBED_WORDS.has(word);
}
const SUBSCRIBED_WORDS = new Set([...SUBSCRIPTIONS.map((c) => c.name), 'PING', 'QUIT', 'RESET']);
