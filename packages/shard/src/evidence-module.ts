import {
  type CommitteeScheme,
  consensusLimits,
  decodeEvidence,
  type Evidence,
  ed25519List,
  evidenceId,
  type Offence,
  offenceOf,
  schemeCommittee,
  verifyEvidence,
} from '@armchain/consensus'
import {
  blob,
  bytes32,
  type CallContext,
  type Codec,
  compile,
  defineCall,
  defineQuery,
  formatShardKey,
  GAS,
  invariant,
  list,
  MAIN_VSHARD,
  type Outcome,
  type Refusal,
  type RuntimeModule,
  refuse,
  type Scheme,
  SHARD_KEY_SCHEMA,
  SHARD_OWNER,
  type ShardKey,
  type StateReader,
  type StructSchema,
  sameShard,
  struct,
  text,
  toHex,
  u16,
  u53,
  type Validator,
  wholeShard,
} from '@armchain/core'
import { OFFENCES_PAGE_MAX } from './limits.ts'

/**
 * Offences of validators, recorded by the main shard for good: whoever holds two votes that no correct validator signs
 * both of reports them, and every node verifies.
 *
 * Rules: on the main shard alone. The votes hold against the committee of the shard and epoch that they name, see
 * `verifyEvidence`. One offence counts once: the same shard, epoch, view, seat and kinds of votes, however many pairs
 * show it. Two checks of a signature are paid for before they are made, whatever comes out.
 *
 * *Deviations*: reports are calls like others, in order of what they pay, and have no part of a block to themselves. They
 * do not grow old: while committees are those of the genesis, nobody leaves one.
 */
export type OffenceRecord = {
  /** The shard whose committee the validator sat in. */
  readonly shard: ShardKey
  readonly epoch: number
  readonly view: number
  /** Index in the committee. */
  readonly seat: number
  /** ed25519 key that names the validator, whatever its votes are signed with. */
  readonly validator: Uint8Array
  readonly offence: Offence
  /** `evidenceId`: other evidence of the same offence has the same. */
  readonly id: Uint8Array
  /** Main-shard height of the report. */
  readonly height: number
  /** Account that reported. */
  readonly reporter: Uint8Array
  /** The transaction that holds the evidence. */
  readonly txId: Uint8Array
}

/** Who sat in the committee of a shard in an epoch; undefined for a shard or epoch that there was not. A pure function. */
export type CommitteeSource = (shard: ShardKey, epoch: number) => CommitteeScheme | undefined

export type EvidenceRules = {
  readonly genesisHash: Uint8Array
  readonly schemaVersion: number
  readonly committee: CommitteeSource
}

export type ReportArgs = { readonly shard: ShardKey; readonly evidence: Uint8Array }
export type OffencesArgs = { readonly from: number; readonly limit: number }
export type OffencesPage = { readonly total: number; readonly offences: readonly OffenceRecord[] }

export const EVIDENCE_MODULE = 'evidence'

const OFFENCE_SCHEMA: StructSchema = struct(
  ['shard', SHARD_KEY_SCHEMA],
  ['epoch', u53],
  ['view', u53],
  ['seat', u16],
  ['validator', bytes32],
  ['offence', text(32)],
  ['id', bytes32],
  ['height', u53],
  ['reporter', bytes32],
  ['txId', bytes32],
)
const REPORT_SCHEMA: StructSchema = struct(
  ['shard', SHARD_KEY_SCHEMA],
  ['evidence', blob(consensusLimits.EVIDENCE_BYTES_MAX)],
)

export const reportArgsCodec: Codec<ReportArgs> = compile(REPORT_SCHEMA)
const offenceCodec: Codec<OffenceRecord> = compile(OFFENCE_SCHEMA)
const numberCodec: Codec<{ readonly number: number }> = compile(struct(['number', u53]))

/** A check of a BLS signature takes as long as a dozen of ed25519. */
const BLS_SIGNATURE_GAS: number = 13 * GAS.signature

/** The committees of a scheme whose layout is fixed: one epoch, from genesis. */
export function genesisCommittees({ shards }: Pick<Scheme, 'shards'>): CommitteeSource {
  return (shard, epoch) => (epoch === 0 ? shards.find(({ vShard }) => sameShard(shard, wholeShard(vShard))) : undefined)
}

/** The module for a chain; `evidence` in its scheme. */
export function evidenceModule(rules: EvidenceRules): RuntimeModule {
  return {
    name: EVIDENCE_MODULE,
    calls: {
      report: defineCall<ReportArgs>({
        args: REPORT_SCHEMA,
        gas: 0,
        run: (context, args) => report(context, args, rules),
      }),
    },
    events: { reported: OFFENCE_SCHEMA },
    queries: {
      offences: defineQuery<OffencesArgs, OffencesPage>({
        args: struct(['from', u53], ['limit', u16]),
        result: struct(['total', u53], ['offences', list(OFFENCE_SCHEMA, OFFENCES_PAGE_MAX)]),
        run: (context, args) => readPage((key) => context.get(SHARD_OWNER, key), args),
      }),
    },
  }
}

/** Offences from the `from`-th on, oldest first, as of a main-shard state; at most `OFFENCES_PAGE_MAX`. */
export function readOffences(main: Pick<StateReader, 'entry'>, page: OffencesArgs): OffencesPage {
  return readPage((key) => main.entry(SHARD_OWNER, `${EVIDENCE_MODULE}/${key}`), page)
}

/** Whether a main-shard state holds the offence that this evidence claims: a report would be refused. */
export function isReported(main: Pick<StateReader, 'entry'>, shard: ShardKey, evidence: Evidence): boolean {
  return main.entry(SHARD_OWNER, `${EVIDENCE_MODULE}/${knownKey(shard, evidenceId(evidence))}`) !== undefined
}

function report(context: CallContext, args: ReportArgs, rules: EvidenceRules): Refusal | undefined {
  if (context.vShard !== MAIN_VSHARD)
    return { code: 'ARM_CALL_SHARD', message: 'offences are reported to the main shard', data: { vShard: MAIN_VSHARD } }
  const decoded = decodeEvidence(args.evidence)
  if (!decoded.ok) return decoded.reason
  const id = evidenceId(decoded.value)
  const known = knownKey(args.shard, id)
  if (context.get(SHARD_OWNER, known) !== undefined)
    return { code: 'ARM_EVIDENCE_KNOWN', message: 'the offence is recorded already' }
  const checked = check(context, args, decoded.value.epoch, rules)
  if (!checked.ok) return checked.reason
  const { evidence, validator } = checked.value
  const record: OffenceRecord = {
    shard: args.shard,
    epoch: evidence.epoch,
    view: evidence.view,
    seat: evidence.signer,
    validator: validator.publicKey,
    offence: offenceOf(evidence),
    id,
    height: context.height,
    reporter: context.id(context.sender),
    txId: context.traceId,
  }
  const index = numberOf(context.get(SHARD_OWNER, COUNT))
  context.set(SHARD_OWNER, known, numberCodec.encode({ number: index }))
  context.set(SHARD_OWNER, recordKey(index), offenceCodec.encode(record))
  context.set(SHARD_OWNER, COUNT, numberCodec.encode({ number: index + 1 }))
  context.emit('reported', record)
  return undefined
}

/** Charges for the signatures, then checks them. */
function check(
  context: CallContext,
  { shard, evidence }: ReportArgs,
  epoch: number,
  { genesisHash, schemaVersion, committee: source }: EvidenceRules,
): Outcome<{ readonly evidence: Evidence; readonly validator: Validator }> {
  const seated = source(shard, epoch)
  if (seated === undefined) return refuse('ARM_EVIDENCE', 'there was no such shard in that epoch', { epoch })
  const committee = schemeCommittee(seated)
  context.charge(2 * (committee.scheme.id === ed25519List.id ? GAS.signature : BLS_SIGNATURE_GAS))
  const verified = verifyEvidence(evidence, { context: { genesisHash, schemaVersion, shard, epoch }, committee })
  if (!verified.ok) return verified
  const validator = seated.validators[verified.value.signer]
  invariant(validator !== undefined, 'verified evidence names a seat')
  return { ok: true, value: { evidence: verified.value, validator } }
}

const COUNT = 'count'

/** State key under which an offence stands once it is recorded; its value is the offence's number. */
function knownKey(shard: ShardKey, id: Uint8Array): string {
  return `known/${formatShardKey(shard)}/${toHex(id)}`
}

function recordKey(index: number): string {
  return `at/${index}`
}

function numberOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : numberCodec.decode(value).number
}

function readPage(entry: (key: string) => Uint8Array | undefined, { from, limit }: OffencesArgs): OffencesPage {
  const total = numberOf(entry(COUNT))
  const end = Math.min(total, from + Math.min(limit, OFFENCES_PAGE_MAX))
  const offences: OffenceRecord[] = []
  for (let index = from; index < end; index++) {
    const value = entry(recordKey(index))
    invariant(value !== undefined, 'an offence is counted and not there')
    offences.push(offenceCodec.decode(value))
  }
  return { total, offences }
}
