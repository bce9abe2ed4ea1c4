export {
  ArmError,
  type ArmErrorData,
  ERROR_CODES,
  type ErrorCode,
  invariant,
  isArmError,
  type Outcome,
  type Refusal,
  refuse,
} from './errors.ts'
export type { Clock, Ed25519, Ed25519Item, Hasher, Rng } from './ports.ts'
export { carveBytes, compareBytes, concatBytes, copy32, equalBytes, fromHex, toHex, utf8 } from './bytes.ts'
export { activeHasher, hashPairs, sha256, useHasher } from './crypto/hash.ts'
export { activeEd25519, useEd25519, verifyEd25519Batch } from './crypto/verify.ts'
export { type Codec, compile } from './codec/codec.ts'
export {
  blob,
  bool,
  bytes,
  bytes32,
  type Field,
  fieldOffset,
  fixedSize,
  formatSchema,
  list,
  option,
  parseSchema,
  type Schema,
  type StructSchema,
  struct,
  text,
  u16,
  u32,
  u53,
  u64,
  u8,
} from './codec/schema.ts'
export { type Json, jsonToValue, valueToJson } from './codec/json.ts'
export { type AccountId, type Address, accountIdOf, formatAddress, parseAddress } from './address.ts'
export { formatAc, MOTES_MAX, MOTES_PER_AC, parseAc } from './chain/amount.ts'
export {
  compareShards,
  EMPTY_PREFIX,
  formatShardKey,
  MAIN_VSHARD,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  sameShard,
  shardKeyCodec,
  wholeShard,
} from './chain/shard-key.ts'
export {
  BASE_DETAILS_SCHEMA,
  BASE_RECEIPT_SCHEMA,
  BASE_TRANSACTION_SCHEMA,
  type BlockPolicy,
  checkScheme,
  defaultScheme,
  defaultSchemas,
  type FeePolicy,
  fieldTypes,
  rulesVersion,
  type Scheme,
  type SchemeTypes,
  SUPPLY_SCHEMA,
  schemeCodec,
  type ShardScheme,
} from './chain/scheme.ts'
export {
  CERTIFICATE_KINDS,
  type CertificateKind,
  type CommitteeParts,
  ed25519Validators,
  type Validator,
} from './chain/validator.ts'
export {
  type Call,
  KEY_TYPE_ED25519,
  SIGNATURE_FIELD_BYTES,
  signEncoded,
  signingDomain,
  signTransaction,
  type Transaction,
  transactionId,
  transactionMessage,
} from './chain/transaction.ts'
export {
  type Anchor,
  anchorCodec,
  type Block,
  type Body,
  blockCodec,
  bodyCodec,
  type Details,
  type Head,
  headCodec,
  headHash,
  type Import,
  importCodec,
  type ShardTop,
  type Supply,
  shardTopCodec,
} from './chain/block.ts'
export { MESSAGE_BOUNCE, MESSAGE_DELIVER, type Message, messageCodec, messageGasLimit } from './chain/message.ts'
export {
  type Event,
  RECEIPT_BLOCK,
  RECEIPT_BOUNCE,
  RECEIPT_MESSAGE,
  RECEIPT_TRANSACTION,
  type Receipt,
  type SentMessage,
} from './chain/receipt.ts'
export {
  type Allocation,
  carve,
  checkGenesis,
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  genesisHash,
  genesisState,
  SUPPLY_MOTES,
  TOKEN_ALLOCATION,
  tokenAllocations,
} from './chain/genesis.ts'
export { type Account, AccountTable, INDEX_KEY_BYTES, keyAccountIndex, type Row } from './state/account-table.ts'
export {
  accountPath,
  SHARD_OWNER,
  ShardState,
  type AccountProof,
  type StateReader,
  type Writes,
} from './state/shard-state.ts'
export { decodeAccountRecord, encodeAccountProof, verifyAccountProof } from './state/account-proof.ts'
export { hashLeaves, merkleListRoot, merkleRangeProof, verifyMerkleRange } from './state/merkle-list.ts'
export { SparseTree, type TreeProof, verifyTreeProof } from './state/sparse-tree.ts'
export {
  type CallContext,
  type CallDefinition,
  defineCall,
  defineQuery,
  type ModuleContext,
  type QueryContext,
  type QueryDefinition,
  type ReadContext,
  type RuntimeModule,
  type SendMessage,
} from './runtime/module.ts'
export { createRuntime, moduleAccount, type Runtime } from './runtime/runtime.ts'
export {
  checkAgainstBlock,
  gasPrice,
  type NextBlock,
  type PreparedTransaction,
  prepareTransaction,
} from './runtime/admission.ts'
export {
  type BlockEnvironment,
  BlockExecution,
  type BlockResult,
  isMessageKind,
  nonceRefusal,
  type OutgoingMessage,
} from './runtime/kernel.ts'
export { Draft } from './runtime/draft.ts'
export { GAS, MESSAGE_EXPIRY_BLOCKS } from './runtime/gas.ts'
export {
  type Inbox,
  type KernelState,
  readInbox,
  readKernelState,
  readOutboxNext,
  writeInbox,
} from './runtime/kernel-state.ts'
export { bank, type TransferArgs, transferArgsCodec } from './modules/bank.ts'
export { fees } from './modules/fees.ts'
export { type VestingSchedule, vestedMotes, vesting, vestingScheduleCodec } from './modules/vesting.ts'
export * as limits from './limits.ts'
export {
  COIN_TYPE,
  createMnemonic,
  isMnemonic,
  type KeyPair,
  keyPairFromMnemonic,
  mnemonicKeys,
  mnemonicSeed,
  keyPairFromSecret,
} from './keys/key-pair.ts'
export {
  decryptKeystore,
  encryptKeystore,
  type Keystore,
  type KeystoreOptions,
  SCRYPT_COST,
  type ScryptCost,
} from './keys/keystore.ts'
export { exportState, importState, StateExport, type StatePart } from './state/state-export.ts'
