/** Every API of Kafka's protocol, from the message definitions of Apache Kafka 3.9 and 4.3 (older versions are no longer in the latter). */

import { Layout, type Step } from './layout.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** One API, and what of its messages is of interest. */
export class Api {
  readonly key: number;
  readonly name: string;
  /** The newest version whose messages are known. */
  readonly newest: number;
  readonly #flexibleFrom: number;
  readonly #request: Layout | null;
  readonly #response: Layout | null;
  /** The server may wait for something to happen: the other members of a group. */
  readonly waits: boolean;

  constructor(key: number, name: string, newest: number, flexibleFrom: number, request: string, response: string) {
    this.key = key;
    this.name = name;
    this.newest = newest;
    this.#flexibleFrom = flexibleFrom;
    this.#request = request === '' ? null : new Layout(request);
    this.#response = response === '' ? null : new Layout(response);
    this.waits = name === 'JoinGroup' || name === 'SyncGroup';
  }

  /** Compact lengths and tagged fields (KIP-482), in the request header as well. */
  isFlexible(version: number): boolean {
    return version >= this.#flexibleFrom;
  }

  /** Tagged fields follow the correlation id. Answers to ApiVersions must be readable for clients that know less. */
  hasTaggedResponse(version: number): boolean {
    return this.isFlexible(version) && this.key !== API_VERSIONS;
  }

  /** Null: not known. */
  request(version: number): readonly Step[] | null {
    return version > this.newest ? null : (this.#request?.steps(version, this.isFlexible(version)) ?? null);
  }

  response(version: number): readonly Step[] | null {
    return version > this.newest ? null : (this.#response?.steps(version, this.isFlexible(version)) ?? null);
  }
}

export const PRODUCE = 0;
export const FETCH = 1;
export const METADATA = 3;
export const CONTROLLED_SHUTDOWN = 7;
export const SASL_HANDSHAKE = 17;
const API_VERSIONS = 18;
export const SHARE_FETCH = 78;

/** Responses of the same form. */
const ERROR = 'error:i16 ..';
const LATER = 'i32 error:i16 ..';
const LATER_IN_TOPICS = 'i32 [ str [ i32 error:i16 ] ]';
const RESULTS = 'i32 [ error:i16 str ]';
const STATES = '[ uuid [ i32 error:i16 str ] ]';
const QUORUM = 'error:i16 [ str [ i32 error:i16 i32 i32 ] ]';

/** Requests of the same form. */
const OF_GROUP = 'group:str ..';
const OF_GROUPS = 'group:str[] ..';
const OF_TRANSACTION = 'transaction:str ..';
const BY_TRANSACTION = '[ str [ i32 error:i16 ] ]';

/** By key: name, newest version, first flexible version, request, response; '' where nothing but the header is read. */
export const APIS: readonly Api[] = [
  new Api(
    PRODUCE,
    'Produce',
    13,
    9,
    'transaction:str 3+ acks:i16 i32 [ topic:str 0-12 topicId:uuid 13+ [ partition:i32 records:bytes ] ]',
    '[ str 0-12 uuid 13+ [ i32 error:i16 i64 i64 2+ i64 5+ [ i32 str ] 8+ str 8+ ] ] i32 1+',
  ),
  new Api(
    FETCH,
    'Fetch',
    18,
    12,
    `i32 0-14 maxWait:i32 minBytes:i32 i32 3+ i8 4+ i32 7+ sessionEpoch:i32 7+
     [ topic:str 0-12 topicId:uuid 13+ [ partition:i32 i32 9+ i64 i32 12+ i64 5+ i32 ] ]
     [ str 7-12 uuid 13+ i32[] ] 7+ str 11+`,
    `i32 1+ error:i16 7+ i32 7+
     [ topic:str 0-12 topicId:uuid 13+
       [ partition:i32 error:i16 i64 i64 4+ i64 5+ [ i64 i64 ] 4+ i32 11+ records:bytes ] ]`,
  ),
  new Api(
    2,
    'ListOffsets',
    11,
    6,
    'i32 i8 2+ [ topic:str [ partition:i32 i32 4+ i64 i32 0-0 ] ] i32 10+',
    'i32 2+ [ str [ i32 error:i16 i64[] 0-0 i64 1+ i64 1+ i32 4+ ] ]',
  ),
  new Api(
    METADATA,
    'Metadata',
    13,
    9,
    '[ topicId:uuid 10+ topic:str ] i8 4+ i8 8-10 i8 8+',
    `i32 3+ [ i32 str i32 str 1+ ] str 2+ i32 1+
     [ error:i16 name:str id:uuid 10+ i8 1+ [ error:i16 i32 i32 i32 7+ i32[] i32[] i32[] 5+ ] i32 8+ ]
     i32 8-10 error:i16 13+`,
  ),
  new Api(4, 'LeaderAndIsr', 7, 4, '', 'error:i16 [ str i32 error:i16 ] 0-4 [ uuid [ i32 error:i16 ] ] 5+'),
  new Api(5, 'StopReplica', 4, 2, '', 'error:i16 [ str i32 error:i16 ]'),
  new Api(6, 'UpdateMetadata', 8, 6, '', ERROR),
  new Api(CONTROLLED_SHUTDOWN, 'ControlledShutdown', 3, 3, 'i32 i64 2+', ERROR),
  new Api(
    8,
    'OffsetCommit',
    10,
    8,
    `group:str i32 1+ str 1+ str 7+ i64 2-4
     [ topic:str 0-9 topicId:uuid 10+ [ partition:i32 i64 i32 6+ i64 1-1 str ] ]`,
    'i32 3+ [ str 0-9 uuid 10+ [ i32 error:i16 ] ]',
  ),
  new Api(
    9,
    'OffsetFetch',
    10,
    6,
    `group:str 0-7 [ topic:str partition:i32[] ] 0-7
     [ group:str str 9+ i32 9+ [ topic:str 8-9 topicId:uuid 10+ partition:i32[] ] ] 8+ i8 7+`,
    `i32 3+ [ str [ i32 i64 i32 5+ str error:i16 ] ] 0-7 error:i16 2-7
     [ str [ str 8-9 uuid 10+ [ i32 i64 i32 str error:i16 ] ] error:i16 ] 8+`,
  ),
  new Api(
    10,
    'FindCoordinator',
    6,
    3,
    'str 0-3 i8 1+ str[] 4+',
    'i32 1+ error:i16 0-3 str 1-3 i32 0-3 str 0-3 i32 0-3 [ str i32 str i32 error:i16 str ] 4+',
  ),
  new Api(
    11,
    'JoinGroup',
    9,
    6,
    'group:str i32 i32 1+ str str 5+ str [ str bytes ] str 8+',
    'i32 2+ error:i16 i32 str 7+ str str i8 9+ str [ str str 5+ bytes ]',
  ),
  new Api(12, 'Heartbeat', 4, 4, 'group:str i32 str str 3+', 'i32 1+ error:i16'),
  new Api(
    13,
    'LeaveGroup',
    5,
    4,
    'group:str str 0-2 [ str str str 5+ ] 3+',
    'i32 1+ error:i16 [ str str error:i16 ] 3+',
  ),
  new Api(
    14,
    'SyncGroup',
    5,
    4,
    'group:str i32 str str 3+ str 5+ str 5+ [ str bytes ]',
    'i32 1+ error:i16 str 5+ str 5+ bytes',
  ),
  new Api(
    15,
    'DescribeGroups',
    6,
    5,
    'group:str[] i8 3+',
    'i32 1+ [ error:i16 str 6+ str str str str [ str str 4+ str str bytes bytes ] i32 3+ ]',
  ),
  new Api(16, 'ListGroups', 5, 3, 'str[] 4+ str[] 5+', 'i32 1+ error:i16 [ str str str 4+ str 5+ ]'),
  new Api(SASL_HANDSHAKE, 'SaslHandshake', 1, NEVER, 'str', 'error:i16 str[]'),
  new Api(API_VERSIONS, 'ApiVersions', 4, 3, 'str 3+ str 3+', 'error:i16 [ i16 i16 i16 ] i32 1+'),
  new Api(
    19,
    'CreateTopics',
    7,
    5,
    '[ topic:str i32 i16 [ i32 i32[] ] [ str str ] ] i32 i8 1+',
    'i32 2+ [ name:str id:uuid 7+ error:i16 str 1+ i32 5+ i16 5+ [ str str i8 i8 i8 ] 5+ ]',
  ),
  new Api(
    20,
    'DeleteTopics',
    6,
    4,
    '[ topic:str topicId:uuid ] 6+ topic:str[] 0-5 i32',
    'i32 1+ [ str uuid 6+ error:i16 str 5+ ]',
  ),
  new Api(21, 'DeleteRecords', 2, 2, '[ topic:str [ partition:i32 i64 ] ] i32', 'i32 [ str [ i32 i64 error:i16 ] ]'),
  new Api(22, 'InitProducerId', 6, 2, OF_TRANSACTION, 'i32 error:i16 i64 i16 ..'),
  new Api(
    23,
    'OffsetForLeaderEpoch',
    4,
    4,
    'i32 3+ [ topic:str [ partition:i32 i32 2+ i32 ] ]',
    'i32 2+ [ str [ error:i16 i32 i32 1+ i64 ] ]',
  ),
  new Api(
    24,
    'AddPartitionsToTxn',
    5,
    3,
    `[ transaction:str i64 i16 i8 [ topic:str partition:i32[] ] ] 4+
     transaction:str 0-3 i64 0-3 i16 0-3 [ topic:str partition:i32[] ] 0-3`,
    `i32 error:i16 4+ [ str ${BY_TRANSACTION} ] 4+ ${BY_TRANSACTION} 0-3`,
  ),
  new Api(25, 'AddOffsetsToTxn', 4, 3, 'transaction:str i64 i16 group:str', 'i32 error:i16'),
  new Api(26, 'EndTxn', 5, 3, 'transaction:str i64 i16 i8', 'i32 error:i16 i64 5+ i16 5+'),
  new Api(27, 'WriteTxnMarkers', 2, 1, '', '[ i64 [ str [ i32 error:i16 ] ] ]'),
  new Api(
    28,
    'TxnOffsetCommit',
    5,
    3,
    'transaction:str group:str i64 i16 i32 3+ str 3+ str 3+ [ topic:str [ partition:i32 i64 i32 2+ str ] ]',
    LATER_IN_TOPICS,
  ),
  new Api(29, 'DescribeAcls', 3, 2, '', LATER),
  new Api(30, 'CreateAcls', 3, 2, '', RESULTS),
  new Api(31, 'DeleteAcls', 3, 2, '', 'i32 [ error:i16 str [ error:i16 str i8 str i8 1+ str str i8 i8 ] ]'),
  new Api(
    32,
    'DescribeConfigs',
    4,
    4,
    '',
    'i32 [ error:i16 str i8 str [ str str i8 i8 0-0 i8 1+ i8 [ str str i8 ] 1+ i8 3+ str 3+ ] ]',
  ),
  new Api(33, 'AlterConfigs', 2, 2, '', 'i32 [ error:i16 str i8 str ]'),
  new Api(34, 'AlterReplicaLogDirs', 2, 2, '', LATER_IN_TOPICS),
  new Api(
    35,
    'DescribeLogDirs',
    5,
    2,
    '',
    'i32 error:i16 3+ [ error:i16 str [ str [ i32 i64 i64 i8 ] ] i64 4+ i64 4+ i8 5+ ]',
  ),
  new Api(36, 'SaslAuthenticate', 2, 2, '', ERROR),
  new Api(37, 'CreatePartitions', 3, 2, '[ topic:str i32 [ i32[] ] ] i32 i8', 'i32 [ str error:i16 str ]'),
  new Api(38, 'CreateDelegationToken', 3, 2, '', ERROR),
  new Api(39, 'RenewDelegationToken', 2, 2, '', ERROR),
  new Api(40, 'ExpireDelegationToken', 2, 2, '', ERROR),
  new Api(41, 'DescribeDelegationToken', 3, 2, '', ERROR),
  new Api(42, 'DeleteGroups', 2, 2, OF_GROUPS, 'i32 [ str error:i16 ]'),
  new Api(
    43,
    'ElectLeaders',
    2,
    2,
    'i8 1+ [ topic:str partition:i32[] ] i32',
    'i32 error:i16 1+ [ str [ i32 error:i16 str ] ]',
  ),
  new Api(44, 'IncrementalAlterConfigs', 1, 1, '', 'i32 [ error:i16 str i8 str ]'),
  new Api(45, 'AlterPartitionReassignments', 1, 0, '', 'i32 i8 1+ error:i16 str [ str [ i32 error:i16 str ] ]'),
  new Api(46, 'ListPartitionReassignments', 0, 0, '', LATER),
  new Api(
    47,
    'OffsetDelete',
    0,
    NEVER,
    'group:str [ topic:str [ partition:i32 ] ]',
    'error:i16 i32 [ str [ i32 error:i16 ] ]',
  ),
  new Api(48, 'DescribeClientQuotas', 1, 1, '', LATER),
  new Api(49, 'AlterClientQuotas', 1, 1, '', 'i32 [ error:i16 str [ str str ] ]'),
  new Api(50, 'DescribeUserScramCredentials', 0, 0, '', 'i32 error:i16 str [ str error:i16 str [ i8 i32 ] ]'),
  new Api(51, 'AlterUserScramCredentials', 0, 0, '', 'i32 [ str error:i16 str ]'),
  new Api(52, 'Vote', 2, 0, '', 'error:i16 [ str [ i32 error:i16 i32 i32 i8 ] ]'),
  new Api(53, 'BeginQuorumEpoch', 1, 1, '', QUORUM),
  new Api(54, 'EndQuorumEpoch', 1, 1, '', QUORUM),
  new Api(
    55,
    'DescribeQuorum',
    2,
    0,
    '',
    `error:i16 str 2+ [ str [ i32 error:i16 str 2+ i32 i32 i64
       [ i32 uuid 2+ i64 i64 1+ i64 1+ ] [ i32 uuid 2+ i64 i64 1+ i64 1+ ] ] ] ..`,
  ),
  new Api(
    56,
    'AlterPartition',
    3,
    0,
    '',
    'i32 error:i16 [ str 0-1 uuid 2+ [ i32 error:i16 i32 i32 i32[] i8 1+ i32 ] ]',
  ),
  new Api(57, 'UpdateFeatures', 2, 0, '', 'i32 error:i16 str [ str error:i16 str ] 0-1 ..'),
  new Api(58, 'Envelope', 0, 0, '', 'bytes error:i16'),
  new Api(59, 'FetchSnapshot', 1, 0, '', 'i32 error:i16 [ str [ i32 error:i16 { i64 i32 } i64 i64 bytes ] ] ..'),
  new Api(60, 'DescribeCluster', 2, 0, '', LATER),
  new Api(
    61,
    'DescribeProducers',
    0,
    0,
    '[ topic:str partition:i32[] ]',
    'i32 [ str [ i32 error:i16 str [ i64 i32 i32 i64 i32 i64 ] ] ]',
  ),
  new Api(62, 'BrokerRegistration', 4, 0, '', LATER),
  new Api(63, 'BrokerHeartbeat', 2, 0, '', LATER),
  new Api(64, 'UnregisterBroker', 0, 0, '', LATER),
  new Api(65, 'DescribeTransactions', 0, 0, '', 'i32 [ error:i16 str str i32 i64 i64 i16 [ str i32[] ] ]'),
  new Api(66, 'ListTransactions', 2, 0, '', LATER),
  new Api(67, 'AllocateProducerIds', 0, 0, '', LATER),
  new Api(68, 'ConsumerGroupHeartbeat', 1, 0, OF_GROUP, LATER),
  new Api(
    69,
    'ConsumerGroupDescribe',
    1,
    0,
    OF_GROUPS,
    `i32 [ error:i16 str str str i32 i32 str
       [ str str str i32 str str str[] str { [ uuid str i32[] ] } { [ uuid str i32[] ] } i8 1+ ] i32 ]`,
  ),
  new Api(70, 'ControllerRegistration', 0, 0, '', LATER),
  new Api(71, 'GetTelemetrySubscriptions', 0, 0, '', LATER),
  new Api(72, 'PushTelemetry', 0, 0, '', LATER),
  new Api(73, 'AssignReplicasToDirs', 0, 0, '', 'i32 error:i16 [ uuid [ uuid [ i32 error:i16 ] ] ]'),
  new Api(74, 'ListConfigResources', 1, 0, '', LATER),
  new Api(
    75,
    'DescribeTopicPartitions',
    0,
    0,
    '[ topic:str ] ..',
    'i32 [ error:i16 name:str id:uuid i8 [ error:i16 i32 i32 i32 i32[] i32[] i32[] i32[] i32[] ] i32 ] ..',
  ),
  new Api(76, 'ShareGroupHeartbeat', 1, 0, OF_GROUP, LATER),
  new Api(
    77,
    'ShareGroupDescribe',
    1,
    0,
    OF_GROUPS,
    `i32 [ error:i16 str str str i32 i32 str
       [ str str i32 str str str[] { [ uuid str i32[] ] } ] i32 ]`,
  ),
  new Api(
    SHARE_FETCH,
    'ShareFetch',
    2,
    0,
    `group:str str sessionEpoch:i32 maxWait:i32 minBytes:i32 i32 i32 1+ i32 1+ i8 2+ i8 2+
     [ topicId:uuid [ partition:i32 i32 0-0 [ i64 i64 i8[] ] ] ] [ uuid i32[] ]`,
    `i32 error:i16 str i32 1+
     [ topicId:uuid [ partition:i32 error:i16 str error:i16 str { i32 i32 } records:bytes [ i64 i64 i16 ] ] ] ..`,
  ),
  new Api(
    79,
    'ShareAcknowledge',
    2,
    0,
    'group:str str i32 i8 2+ [ topicId:uuid [ partition:i32 [ i64 i64 i8[] ] ] ]',
    'i32 error:i16 str i32 2+ [ uuid [ i32 error:i16 str { i32 i32 } ] ] ..',
  ),
  new Api(80, 'AddRaftVoter', 1, 0, '', LATER),
  new Api(81, 'RemoveRaftVoter', 0, 0, '', LATER),
  new Api(82, 'UpdateRaftVoter', 0, 0, '', LATER),
  new Api(83, 'InitializeShareGroupState', 0, 0, OF_GROUP, STATES),
  new Api(84, 'ReadShareGroupState', 0, 0, OF_GROUP, '[ uuid [ i32 error:i16 str i32 i64 [ i64 i64 i8 i16 ] ] ]'),
  new Api(85, 'WriteShareGroupState', 1, 0, OF_GROUP, STATES),
  new Api(86, 'DeleteShareGroupState', 0, 0, OF_GROUP, STATES),
  new Api(87, 'ReadShareGroupStateSummary', 1, 0, OF_GROUP, '[ uuid [ i32 error:i16 str i32 i32 i64 i32 1+ ] ]'),
  new Api(88, 'StreamsGroupHeartbeat', 0, 0, OF_GROUP, LATER),
  new Api(89, 'StreamsGroupDescribe', 0, 0, OF_GROUPS, 'i32 [ error:i16 .. ]'),
  new Api(
    90,
    'DescribeShareGroupOffsets',
    1,
    0,
    '',
    'i32 [ str [ str uuid [ i32 i64 i32 i64 1+ error:i16 str ] ] error:i16 str ]',
  ),
  new Api(91, 'AlterShareGroupOffsets', 0, 0, OF_GROUP, 'i32 error:i16 str [ str uuid [ i32 error:i16 str ] ]'),
  new Api(92, 'DeleteShareGroupOffsets', 0, 0, OF_GROUP, 'i32 error:i16 str [ str uuid error:i16 str ]'),
];

const BY_NAME = new Map(APIS.map((api) => [api.name, api]));

/** Null: none of that name. */
export const apiNamed = (name: string): Api | null => BY_NAME.get(name) ?? null;
