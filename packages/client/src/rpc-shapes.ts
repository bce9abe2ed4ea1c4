import type { Json } from '@armchain/core'
import { type Static, type TSchema, Type } from 'typebox'

/** What travels over RPC: amounts as decimal strings of motes, bytes as lower-case hex without prefix, heights as integers. */

/** Integers above this do not survive JSON in every client. */
const INTEGER_MAX = Number.MAX_SAFE_INTEGER
const VSHARD_MAX = 0xffff_ffff
/** Longest time that one call may wait for a receipt. */
export const WAIT_MS_MAX = 120_000
/** Offences in one answer. */
export const OFFENCES_MAX = 100
/** Blocks that one call may make. */
export const MINE_MAX = 1000
/** Longest address text that is looked at: Bech32m with a long network prefix. */
const ADDRESS_LENGTH_MAX = 128

export const Any = (description: string) => Type.Unsafe<Json>({ description })
export const Integer = (description: string, maximum: number = INTEGER_MAX) =>
  Type.Integer({ description, minimum: 0, maximum })
export const Text = (description: string) => Type.String({ description })
export const Flag = (description: string) => Type.Boolean({ description })
export const Address = (description = 'Address, Bech32m') => Type.String({ description, maxLength: ADDRESS_LENGTH_MAX })
export const Motes = (description: string) => Type.String({ description, pattern: '^[0-9]{1,39}$' })
export const Hex = (description: string) => Type.String({ description, pattern: '^[0-9a-f]*$' })
export const Hash = (description: string) => Type.String({ description, pattern: '^[0-9a-f]{64}$' })
/** A hash as a caller may write it. */
export const HashInput = (description: string) => Type.String({ description, pattern: '^(0x)?[0-9a-fA-F]{64}$' })
export const VShard = (description = 'vShard id; 0 is the main shard') => Integer(description, VSHARD_MAX)
export const Height = (description = 'Block height of the vShard') => Integer(description)
export const TimeMs = (description = 'Milliseconds since the Unix epoch') => Integer(description)
export const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const List = <Schema extends TSchema>(schema: Schema) => Type.Array(schema)

export const NetworkShape = Type.Object({
  networkId: Text('Name of the network'),
  chainId: Integer('Chain id that every transaction names'),
  genesisHash: Hash('Hash of the genesis'),
  addressPrefix: Text('Bech32m prefix of addresses'),
  schemaVersion: Integer('Version of the rules in force'),
  blockTimeMs: Integer('Time between blocks; 0 when blocks are not made by the clock'),
  sealing: Type.Union([Type.Literal('interval'), Type.Literal('on-demand'), Type.Literal('manual')], {
    description: 'When a block is made',
  }),
  signingDomain: Hash('What the message of a transaction signature begins with'),
  dev: Flag('Development chain: dev_ methods answer'),
  shards: List(
    Type.Object({
      vShard: VShard(),
      prefix: Type.String({
        description: 'Account prefix that the shard owns, as bits; empty while layouts are fixed',
        pattern: '^[01]*$',
      }),
      born: Height('Main-shard height of activation'),
      engine: Text('Consensus engine'),
      publicKey: Hex('Key that certifies blocks'),
      height: Height(),
    }),
  ),
  modules: List(Type.Object({ name: Text('Module'), calls: List(Text('Call')), queries: List(Text('Query')) })),
  version: Text('Version of the node'),
})

export const StatusShape = Type.Object({
  uptimeMs: Integer('Since the node started'),
  shards: List(
    Type.Object({
      vShard: VShard(),
      height: Height(),
      headHash: Hash('Hash of the latest head'),
      stateRoot: Hash('State root after that block'),
      anchoredHeight: Height('Latest height that the main shard has anchored'),
      poolTransactions: Integer('Transactions that wait'),
      accounts: Integer('Accounts that exist'),
      baseFeeMotes: Motes('Motes per unit of gas'),
    }),
  ),
  walBytes: Integer('Size of the write-ahead log'),
  archiveBacklogBytes: Integer('History not yet in the store'),
  rssBytes: Integer('Resident memory of the process'),
})

export const AccountShape = Type.Object({
  address: Address(),
  exists: Flag('False if the account was never used; its balance and nonce are 0'),
  balanceMotes: Motes('Balance after the latest block'),
  nonce: Integer('Transactions of this account in blocks'),
  nextNonce: Integer('Nonce to sign next: counts the transactions that wait in the pool'),
  height: Height('Height that this was read at'),
})

export const AccountProofShape = Type.Object({
  address: Address(),
  height: Height(),
  head: Hex('Encoded head that holds the state root'),
  certificate: Hex('Encoded certificate of the head'),
  proof: Hex('Encoded account proof; read it with verifyAccountProof of @armchain/core'),
})

export const MessageProofShape = Type.Object({
  messages: List(
    Type.Object({
      source: VShard('vShard that sent'),
      destination: VShard('vShard that receives'),
      seq: Integer('Position in the channel from source to destination'),
      message: Hex('Encoded message'),
      proof: Hex(
        'Encoded import that holds it, with its paths to the main-shard head; read it with verifyMessageProof',
      ),
      anchorHead: Hex('Encoded main-shard head'),
      anchorCertificate: Hex('Encoded certificate of that head'),
    }),
  ),
})

export const AnchorProofShape = Type.Object({
  vShard: VShard('vShard of the anchored head'),
  height: Height('Height of the anchored head'),
  top: Hex('Encoded shard top: what the main shard commits to of that head'),
  topIndex: Integer('Position of the top among those of the main-shard block'),
  topCount: Integer('Tops of the main-shard block'),
  topProof: List(Hash('Sibling on the way to the root of the tops')),
  anchorHead: Hex('Encoded main-shard head'),
  anchorCertificate: Hex('Encoded certificate of that head'),
})

export const FinalityShape = Type.Union([Type.Literal('shard-final'), Type.Literal('anchored')], {
  description: 'shard-final: certified by the shard; anchored: accepted by the main shard',
})

export const OffencesShape = Type.Object({
  total: Integer('Offences recorded so far'),
  offences: List(
    Type.Object({
      index: Integer('Place among all, from 0'),
      vShard: VShard('vShard whose committee the validator sat in'),
      epoch: Integer('Epoch of that committee'),
      view: Integer('View in which both votes were cast'),
      seat: Integer('Seat in that committee'),
      validator: Hash('ed25519 public key that names the validator'),
      offence: Type.Union(
        [Type.Literal('double-notarize'), Type.Literal('double-finalize'), Type.Literal('nullify-and-finalize')],
        { description: 'What the two votes are, of which no correct validator signs both' },
      ),
      id: Hash('Names the offence, whichever votes show it'),
      height: Height('Main-shard height of the report'),
      reporter: Address('Who reported, on the main shard'),
      txId: Hash('Transaction that holds the votes'),
    }),
  ),
})

/** Subscriptions to receipts are told of messages too; `txId` is then the transaction that began them. */
const DeliveryShape = Type.Object(
  {
    kind: Type.Union([Type.Literal('delivered'), Type.Literal('bounced'), Type.Literal('returned')], {
      description: 'bounced: refused here and sent back; returned: came back to its sender here',
    }),
    source: VShard('vShard that sent it'),
    seq: Integer('Position in the channel from source to here'),
    from: Address('Who sent it, on the source'),
    to: Address('Whom it is for, on this vShard'),
    valueMotes: Motes('Value that it carries'),
  },
  { description: 'Set where this is the receipt of a message from another vShard, as subscriptions are told of' },
)

export const ReceiptShape = Type.Object({
  txId: Hash('Transaction'),
  traceId: Hash('What arm_trace takes'),
  vShard: VShard(),
  height: Height(),
  index: Integer('Position in the block'),
  blockHash: Hash('Hash of the head'),
  ok: Flag('False: the call had no effect, the fee was kept'),
  code: Nullable(Text('Error code of a failed call')),
  message: Nullable(Text('Why the call failed')),
  gasUsed: Integer('Units of gas'),
  feeMotes: Motes('Paid by the sender'),
  events: List(Type.Object({ module: Text('Module'), name: Text('Event'), data: Any('Event data by its schema') })),
  messages: List(
    Type.Object({
      seq: Integer('Position in the channel'),
      destination: VShard('Where it goes'),
      valueMotes: Motes('Value that it carries'),
    }),
  ),
  finality: FinalityShape,
  durable: Type.Literal(true, { description: 'The block is synced to disk' }),
  delivery: Type.Optional(DeliveryShape),
})

export const TransactionShape = Type.Object({
  txId: Hash('Hash of the bytes'),
  raw: Hex('Bytes as received'),
  status: Type.Union([Type.Literal('pending'), Type.Literal('included')]),
  vShard: VShard('Where it executes'),
  height: Nullable(Height('Height of its block; null while it waits')),
  index: Nullable(Integer('Position in its block')),
  sender: Address('Sender, on that vShard'),
  nonce: Integer('Nonce'),
  gasLimit: Integer('Units of gas'),
  maxFeeMotes: Motes('Most that is paid for a unit of gas'),
  tipMotes: Motes('Offered above the base fee for a unit of gas'),
  expiryHeight: Height('Last height at which it may be included'),
  call: Type.Object({ module: Text('Module'), method: Text('Call'), args: Any('Arguments by their schema') }),
})

const ImportShape = Type.Object({
  source: VShard('vShard that sent'),
  sourceHeight: Height('Block that sent'),
  anchorHeight: Height('Main-shard height that anchored that block'),
  messages: List(Type.Object({ seq: Integer('Position in the channel'), traceId: Hash('Trace') })),
})

const AnchorShape = Type.Object({ vShard: VShard(), height: Height(), hash: Hash('Hash of the anchored head') })

export const HeadShape = Type.Object({
  vShard: VShard(),
  height: Height(),
  hash: Hash('Hash of the head'),
  head: Hex('Encoded head'),
  details: Hex('Encoded details'),
  certificate: Hex('Encoded certificate'),
})

export const BlockShape = Type.Object({
  vShard: VShard(),
  height: Height(),
  hash: Hash('Hash of the head'),
  head: Hex('Encoded head'),
  details: Hex('Encoded details'),
  certificate: Hex('Encoded certificate'),
  timeMs: TimeMs(),
  stateRoot: Hash('State root after the block'),
  outboxRoot: Hash('Merkle list of the messages sent'),
  txRoot: Hash('Merkle list of the transactions'),
  receiptsRoot: Hash('Merkle list of the receipts'),
  anchored: Flag('Accepted by the main shard'),
  transactions: Type.Union([List(Hash('Transaction id')), List(TransactionShape)], {
    description: 'Ids, or whole transactions where `full` is true',
  }),
  imports: List(ImportShape),
  anchors: List(AnchorShape),
  gasUsed: Integer('Units of gas'),
  sizeBytes: Integer('Size of the body'),
  sizeLimitBytes: Integer('Size limit in force'),
  baseFeeMotes: Motes('Motes per unit of gas'),
})

export const FeesShape = Type.Object({
  baseFeeMotes: Motes('Motes per unit of gas in the next block'),
  suggestedTipMotes: Motes('Tip per unit of gas that is enough now'),
  suggestedMaxFeeMotes: Motes('Most per unit of gas that survives some blocks of growing demand'),
  transferGas: Integer('Gas of a transfer inside the shard'),
  messageGas: Integer('Gas of a transfer to another shard, delivery included'),
  rulesVersion: Integer('Version of the rules that a transaction must name now', 255),
})

export const SupplyShape = Type.Object({
  totalMotes: Motes('Sum of all below'),
  genesisMotes: Motes('What it must be'),
  balancesMotes: Motes('Spendable'),
  lockedMotes: Motes('Held by modules: vesting and the like'),
  inFlightMotes: Motes('In messages not yet delivered'),
  feePotMotes: Motes('Fees not yet paid out'),
  burntMotes: Motes('Burnt for ever'),
  auditedAtHeight: Height('Main-shard height of the last audit'),
  ok: Flag('The last audit found the sum right'),
})

export const TraceShape = Type.Object({
  traceId: Hash('Transaction that began it'),
  spans: List(
    Type.Object({
      kind: Type.Union([
        Type.Literal('submitted'),
        Type.Literal('included'),
        Type.Literal('shard-final'),
        Type.Literal('anchored'),
        Type.Literal('delivered'),
        Type.Literal('bounced'),
        Type.Literal('refunded'),
      ]),
      vShard: VShard(),
      height: Height(),
      timeMs: TimeMs(),
      detail: Text('One line for people'),
    }),
  ),
  done: Flag('No message of it is under way any more'),
})

export const PoolShape = Type.Object({
  transactions: Integer('Transactions that wait'),
  bytes: Integer('Their size'),
  limitTransactions: Integer('Most that may wait'),
  accounts: Integer('Accounts they come from'),
})

const PeerShape = Type.Object({
  peer: Text('Peer id'),
  validator: Nullable(Integer('Number of the validator whose peer it is')),
  addresses: List(Text('Address of the connection')),
  direction: Type.Union([Type.Literal('inbound'), Type.Literal('outbound')], { description: 'Who has opened it' }),
  roundTripMs: Nullable(Type.Number({ description: 'Of the last ping, in milliseconds' })),
  score: Type.Number({ description: 'In gossip; a peer below a limit is cut off' }),
  receivedBytes: Integer('Of messages, since it was connected'),
  sentBytes: Integer('Of messages, since it was connected'),
})

export const NetShape = Type.Object({
  peerId: Text('Of the node that answers'),
  validator: Nullable(Integer('Number of the validator that it is')),
  addresses: List(Text('Where it is reached')),
  peers: List(PeerShape),
  topics: List(
    Type.Object({
      name: Text('Topic'),
      meshPeers: List(Text('Peer id')),
      published: Integer('Messages of this node'),
      received: Integer('Messages of others, copies not counted'),
      rejected: Integer('Of them, those that no correct peer passes on'),
      dropped: Integer('Lost for want of room'),
      waiting: Integer('Come and not taken yet'),
    }),
  ),
  channels: List(
    Type.Object({
      name: Text('Channel'),
      received: Integer('Messages'),
      sent: Integer('Messages given to streams'),
      dropped: Integer('Lost on arrival for want of room'),
      unsent: Integer('Lost before they were sent'),
      waiting: Integer('Come and not taken yet'),
    }),
  ),
  cpuMs: Nullable(Type.Number({ description: "Processor time of the network's thread, in milliseconds" })),
})

export const TopicShape = Type.Union(
  [Type.Literal('heads'), Type.Literal('receipts'), Type.Literal('anchors'), Type.Literal('events')],
  { description: 'What to be told of' },
)

export type Network = ReadonlyDeep<Static<typeof NetworkShape>>
export type Status = ReadonlyDeep<Static<typeof StatusShape>>
export type AccountState = ReadonlyDeep<Static<typeof AccountShape>>
export type AccountProofResult = ReadonlyDeep<Static<typeof AccountProofShape>>
export type AnchorProofResult = ReadonlyDeep<Static<typeof AnchorProofShape>>
export type MessageProofResult = ReadonlyDeep<Static<typeof MessageProofShape>>
export type Receipt = ReadonlyDeep<Static<typeof ReceiptShape>>
export type TransactionResult = ReadonlyDeep<Static<typeof TransactionShape>>
export type HeadResult = ReadonlyDeep<Static<typeof HeadShape>>
export type BlockResult = ReadonlyDeep<Static<typeof BlockShape>>
export type Fees = ReadonlyDeep<Static<typeof FeesShape>>
export type SupplyResult = ReadonlyDeep<Static<typeof SupplyShape>>
export type Offences = ReadonlyDeep<Static<typeof OffencesShape>>
export type Net = ReadonlyDeep<Static<typeof NetShape>>
export type Trace = ReadonlyDeep<Static<typeof TraceShape>>
export type Pool = ReadonlyDeep<Static<typeof PoolShape>>
export type Finality = Static<typeof FinalityShape>
export type Topic = Static<typeof TopicShape>

/** The type without its write access; JSON values stay what they are. */
export type ReadonlyDeep<Value> = Json extends Value
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly ReadonlyDeep<Item>[]
    : Value extends object
      ? { readonly [Key in keyof Value]: ReadonlyDeep<Value[Key]> }
      : Value
