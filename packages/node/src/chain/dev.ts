import {
  ArmError,
  activeEd25519,
  type KeyPair,
  readKernelState,
  rulesVersion,
  signTransaction,
  type Transaction,
  toHex,
  transferArgsCodec,
} from '@armchain/core'
import { DEV_SNAPSHOTS_MAX } from '../limits.ts'
import type { RpcHandlers } from '../rpc/handlers.ts'
import type { SubmitResult } from '../rpc/submit.ts'
import type { NodeParts } from './node-parts.ts'
import { paceOf } from './pace.ts'
import { hosted, readAddress } from './queries.ts'
import { Serial } from './serial.ts'
import { type MachineSnapshot, type RestoredMachine, restoreMachine } from './snapshots.ts'

/** The pace of a development chain, which `dev_setBlockTime` changes while it runs. */
export type MutablePace = { blockTimeMs: number; idleMs: number; mode: 'timed' | 'manual' }

export type DevParts = {
  readonly parts: NodeParts
  /** False among other validators: what takes a chain back, or drives it by hand, is then nobody's to do alone. */
  readonly alone: boolean
  readonly pace: MutablePace
  /** Holds the motes that the faucet gives; one account on each vShard. */
  readonly faucet: KeyPair | undefined
  readonly submit: (raws: readonly Uint8Array[]) => Promise<readonly SubmitResult[]>
  /** Makes a snapshot the chain that goes on, in memory and on disk. */
  readonly revert: (restored: RestoredMachine) => Promise<void>
}

const FAUCET_MOTES = 100_000_000_000n
const FAUCET_GAS = 5_000
const FAUCET_EXPIRY = 1_000

/** The `dev_` methods: for development chains only, never for a network of several parties. */
export function devHandlers({ parts, alone, pace, faucet, submit, revert }: DevParts): RpcHandlers {
  const { host } = parts
  const snapshots = new Map<string, MachineSnapshot>()
  let nextSnapshot = 1
  // A revert while blocks are made by hand would leave half of them; each call waits for those before it.
  const turns = new Serial()
  const requireAlone = (method: string): void => {
    if (!alone)
      throw new ArmError('ARM_DEV_PEERS', `${method} is for a chain of one validator`, {
        hint: 'start a testnet without --validators: what several decide nobody drives by hand, or takes back',
      })
  }
  const faucetTurns = new Serial()
  return {
    dev_faucet({ address, amountMotes }, { wait }) {
      const to = readAddress(parts, address)
      if (faucet === undefined)
        throw new ArmError('ARM_FAUCET', 'this chain has no faucet', { hint: 'transfer from a funded account' })
      const amount = amountMotes === undefined ? FAUCET_MOTES : BigInt(amountMotes)
      // Signed once the one before is in the pool: two with the same nonce would be rivals.
      const paid = faucetTurns.run(async () => {
        checkGift(parts, faucet, to.vShard, amount)
        const [result] = await submit([faucetTransaction(parts, faucet, to, amount)])
        if (result?.ok) return { txId: toHex(result.id) }
        const data = { ...result?.data, cause: result?.code }
        throw new ArmError('ARM_FAUCET', `the faucet could not pay: ${result?.message}`, data)
      })
      return wait(paid)
    },
    dev_mine: ({ count = 1 }, { wait }) =>
      wait(
        turns.run(async () => {
          requireAlone('dev_mine')
          for (let round = 0; round < count; round++) {
            // The main shard last, so that it anchors what the others have just made.
            for (const { descriptor } of [...host.machine.shards].reverse()) host.seal(descriptor.key.vShard)
            await host.settled()
          }
          const heights = await host.durable(() =>
            host.machine.shards.map(({ descriptor, chain }) => ({
              vShard: descriptor.key.vShard,
              height: chain.tip.height,
            })),
          )
          return { heights }
        }),
      ),
    dev_snapshot: (_, { wait }) =>
      wait(
        turns.run(async () => {
          requireAlone('dev_snapshot')
          const snapshot = await host.durable(() => host.snapshot())
          const snapshotId = `snap-${nextSnapshot++}`
          snapshots.set(snapshotId, snapshot)
          if (snapshots.size > DEV_SNAPSHOTS_MAX) snapshots.delete(snapshots.keys().next().value as string)
          return { snapshotId }
        }),
      ),
    dev_revert: ({ snapshotId }, { wait }) =>
      wait(
        turns.run(async () => {
          requireAlone('dev_revert')
          const snapshot = snapshots.get(snapshotId)
          if (snapshot === undefined)
            throw new ArmError('ARM_NOT_FOUND', 'no such snapshot', { snapshotId, hint: 'take one with dev_snapshot' })
          await revert(await restoreMachine(snapshot.meta, snapshot.chunks))
          // Later snapshots are of a chain that no longer exists.
          for (const later of [...snapshots.keys()])
            if (Number(later.slice(5)) > Number(snapshotId.slice(5))) snapshots.delete(later)
          return { reverted: true } as const
        }),
      ),
    dev_setBlockTime({ blockTimeMs }) {
      requireAlone('dev_setBlockTime')
      Object.assign(pace, paceOf(blockTimeMs))
      host.wake()
      return { blockTimeMs }
    },
  }
}

function checkGift(parts: NodeParts, faucet: KeyPair, vShard: number, amount: bigint): void {
  const { accounts } = hosted(parts, vShard).chain.state
  const balance = accounts.balance(accounts.find(faucet.account))
  if (amount > 0n && amount <= balance) return
  throw new ArmError('ARM_FAUCET', 'the faucet gives more than nothing, and no more than it has', {
    amountMotes: amount.toString(),
    balanceMotes: balance.toString(),
    hint: `ask for 1 to ${balance} motes`,
  })
}

function faucetTransaction(
  parts: NodeParts,
  faucet: KeyPair,
  to: { account: Uint8Array; vShard: number },
  amount: bigint,
): Uint8Array {
  const { runtime } = parts
  const { chain, pool } = hosted(parts, to.vShard)
  const baseFee = readKernelState(chain.state)?.baseFee ?? 1n
  const unsigned: Omit<Transaction, 'signature'> = {
    version: rulesVersion(runtime.scheme, parts.host.machine.main.chain.tip.height),
    chainId: runtime.scheme.chainId,
    vShard: to.vShard,
    keyType: 1,
    senderKey: faucet.publicKey,
    nonce: pool.nextNonce(faucet.account),
    gasLimit: FAUCET_GAS,
    maxFee: baseFee * 8n + 10n,
    tip: 1n,
    expiryHeight: chain.tip.height + FAUCET_EXPIRY,
    call: {
      module: 'bank',
      method: 'transfer',
      args: transferArgsCodec.encode({ to: to.account, vShard: to.vShard, amount }),
    },
  }
  return signTransaction(runtime.transactions, unsigned, runtime.txDomain, (message) =>
    activeEd25519().sign(message, faucet.secretKey),
  )
}
