import {
  type Account,
  ArmError,
  type Clock,
  fromHex,
  type Head,
  headHash,
  MAIN_VSHARD,
  parseAddress,
  toHex,
  verifyAccountProof,
} from '@armchain/core'
import { verifyAnchorProof } from './anchor-proof.ts'
import { DISTRUST, fieldsOf, hexOf, listOf } from './answer.ts'
import { type MessageProof, type ProvenMessage, verifyMessageProof } from './message-proof.ts'
import type { RpcClient } from './rpc-client.ts'
import type { Finality } from './rpc-schema.ts'
import { type CertifiedHead, checkAge, checkNotBelow, createSeenHeads } from './seen-heads.ts'
import { certifiersOf, type TrustedRoot, verifyHead } from './trusted-root.ts'

/**
 * A light client believes the genesis, and no node: every answer is checked against certified heads. It remembers the
 * highest head of each vShard for as long as it lives; `docs/client.md` says exactly what that shows and what not.
 *
 * Each method throws `ARM_BLOCK_CERTIFICATE`, `ARM_PROOF`, or an error about what is no proof at all. `head` and
 * `account` also throw `ARM_HEAD_OLD` for a head below one seen before, `ARM_HEAD_CONFLICT` for another head at the
 * height of the highest, and `ARM_HEAD_STALE` for one that is older than `maxAgeMs`.
 */
export interface LightClient {
  /**
   * The latest head of a vShard, certified by its validators; with `anchored` also accepted by the main shard, for
   * which the answer waits, up to 30 s, then throws `ARM_RPC_TIMEOUT`.
   */
  head(vShard: number, finality?: Finality): Promise<Head>
  /** An account as of the latest head, likewise; undefined if it is proven not to exist. */
  account(address: string, finality?: Finality): Promise<{ readonly account: Account | undefined; readonly head: Head }>
  /**
   * The delivered messages of a trace, each proven to have been sent and anchored. A node may leave some out; it can
   * add none. They are of the past, so no age is checked.
   */
  messages(traceId: string): Promise<readonly ProvenMessage[]>
}

export type LightClientOptions = {
  /**
   * Oldest head that is believed to be the latest, in ms; 60,000 by default. A chain on demand makes a block at least
   * every 5 s; for blocks further apart than the default raise it, and for blocks made by hand use `Infinity`.
   */
  readonly maxAgeMs?: number
  /** What heads are dated against; the system's by default. */
  readonly clock?: Clock
}

const MAX_AGE_MS = 60_000

export function createLightClient(rpc: RpcClient, root: TrustedRoot, options: LightClientOptions = {}): LightClient {
  const { maxAgeMs = MAX_AGE_MS, clock = { nowMs: () => Date.now() } } = options
  if (!(maxAgeMs >= 0)) throw new ArmError('ARM_ARGUMENT', 'maxAgeMs is not a time from 0', { maxAgeMs })
  const seen = createSeenHeads()

  /** Asks for what comes with the latest head of a vShard, and checks that head. */
  async function ask<Answer>(
    vShard: number,
    finality: Finality,
    request: () => Promise<Answer>,
  ): Promise<{ readonly answer: Readonly<Record<string, unknown>>; readonly head: Head }> {
    // A vShard that the genesis has not is refused before anyone is asked.
    certifiersOf(root, vShard)
    // What is seen while this question is under way may be later than its answer.
    const seenHeight = seen.height(vShard)
    const answer = fieldsOf(await request())
    const encoded = hexOf(answer.head)
    const certified = { head: verifyHead(root, vShard, encoded, hexOf(answer.certificate)), hash: headHash(encoded) }
    seen.add(certified)
    checkNotBelow(certified, seenHeight)
    checkAge(certified, clock.nowMs(), maxAgeMs)
    if (finality === 'anchored' && vShard !== MAIN_VSHARD) await requireAnchor(certified)
    return { answer, head: certified.head }
  }

  async function requireAnchor(certified: CertifiedHead): Promise<void> {
    const { shard, height } = certified.head
    const proof = await rpc.call('arm_getAnchorProof', { vShard: shard.vShard, height })
    see(verifyAnchorProof(root, certified, proof), hexOf(fieldsOf(proof).anchorHead))
  }

  /** An anchor may be of the past, so only what contradicts it is refused. */
  function see(head: Head, encoded: Uint8Array): void {
    seen.add({ head, hash: headHash(encoded) })
  }

  return {
    async head(vShard, finality = 'shard-final') {
      return (await ask(vShard, finality, () => rpc.call('arm_getHead', { vShard }))).head
    },
    async account(address, finality = 'shard-final') {
      const { account, vShard } = parseAddress(address, root.addressPrefix)
      const { answer, head } = await ask(vShard, finality, () => rpc.call('arm_getAccountProof', { address }))
      return { account: verifyAccountProof(head.stateRoot, account, hexOf(answer.proof)), head }
    },
    async messages(traceId) {
      const wanted = toHex(fromHex(traceId.toLowerCase()))
      const { messages } = fieldsOf(await rpc.call('arm_getMessageProof', { traceId: wanted }))
      return listOf(messages).map((proof) => {
        const proven = verifyMessageProof(root, proof as MessageProof)
        see(proven.anchor, hexOf(fieldsOf(proof).anchorHead))
        if (toHex(proven.message.traceId) === wanted) return proven
        throw new ArmError('ARM_PROOF', 'the message is of another trace', { traceId, ...DISTRUST })
      })
    },
  }
}
