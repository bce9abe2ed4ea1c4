import { createRpcClient, type Offences, type RpcClient } from '@armchain/client'
import { encodeMessage, NOTARIZE, statementsOf, voteSigner } from '@armchain/consensus'
import { genesisHash, type KeyPair, keyPairFromMnemonic, toHex, wholeShard } from '@armchain/core'
import { encodePeerMessage, PeerKind } from '@armchain/node'
import { expect, test } from 'vitest'
import { startTestnet, type TestAccount, type Testnet } from './testnet.ts'
import type { Validators } from './validators.ts'

const TWIN = 3
const V_SHARD = 1
const WAIT_MS = 30_000

/** The key of the last of four validators. */
function twinKey({ accounts }: Testnet): KeyPair {
  return keyPairFromMnemonic((accounts[0] as TestAccount).mnemonic, 1_000_000_001 + TWIN)
}

/** Votes of the twin for two blocks of one view, as peers send them: of the view after the latest final block's. */
function contradiction(testnet: Testnet): Uint8Array[] {
  const { genesis, node } = testnet
  const view = 1 + (node.host.machine.shard(V_SHARD)?.chain.tip.head.view as number)
  const place = { genesisHash: genesisHash(genesis), schemaVersion: genesis.scheme.version, epoch: 0 }
  const statements = statementsOf({ ...place, shard: wholeShard(V_SHARD) })
  const sign = voteSigner('ed25519', twinKey(testnet))
  return [1, 2].map((byte) => {
    const link = new Uint8Array(32).fill(byte)
    const signature = sign(statements(NOTARIZE, view, link))
    const bytes = encodeMessage({ type: 'vote', kind: NOTARIZE, epoch: 0, view, signer: TWIN, link, signature })
    return encodePeerMessage({ kind: PeerKind.engine, vShard: V_SHARD, bytes })
  })
}

/** What a node has on record of offences, once there is anything; `each` time it looks, the twin does it again. */
async function untilReported(rpc: RpcClient, each: () => void): Promise<Offences> {
  const untilMs = performance.now() + WAIT_MS
  for (;;) {
    const found = await rpc.call('arm_getOffences')
    if (found.total > 0) return found
    if (performance.now() > untilMs) throw new Error('nobody has reported the twin')
    each()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('a validator that signs two ways is reported by the others, and all of them have it on record', async () => {
  await using testnet = await startTestnet({ validators: 4, certificates: 'ed25519', shards: 1, accounts: 1 })
  const validators = testnet.validators as Validators
  await validators.kill(TWIN)
  // Whoever has its key takes its place.
  const transport = validators.network.join(TWIN, [0, 1, 2, TWIN])
  // Votes for a view that has just ended say nothing any more, so it goes on.
  const twice = (): void => {
    for (const message of contradiction(testnet)) for (const peer of [0, 1, 2]) transport.send(peer, message, 'votes')
  }
  const validator = toHex(twinKey(testnet).publicKey)
  for (const index of [0, 1, 2]) {
    await using rpc = createRpcClient({ url: validators.node(index).url as string })
    const { offences } = await untilReported(rpc, twice)
    // It offends in every view, and each of the others pays for one report of it at most.
    expect(offences.length).toBeLessThanOrEqual(3)
    expect(offences).toContainEqual(
      expect.objectContaining({ vShard: V_SHARD, seat: TWIN, offence: 'double-notarize', validator }),
    )
  }
  transport.close()
})
