import { blsKeysFromSeed, blsValidator, schemeCommittee, signCertificate, voteSigner } from '@armchain/consensus'
import {
  defaultScheme,
  genesisHash,
  headCodec,
  keyPairFromSecret,
  type ShardScheme,
  sha256,
  tokenAllocations,
  utf8,
} from '@armchain/core'
import { genesisLayout } from '@armchain/shard'
import { expect, test } from 'vitest'
import { trustedRoot, verifyHead } from './trusted-root.ts'

const pairs = ['a', 'b', 'c', 'd'].map((name) => keyPairFromSecret(sha256(utf8(name))))
const blsSecrets = pairs.map(({ secretKey }) => blsKeysFromSeed(secretKey))
// Quorum is 7 of 10.
const weights = [1, 2, 3, 4]
const validators = pairs.map(({ publicKey }, i) =>
  blsValidator(publicKey, blsSecrets[i] as (typeof blsSecrets)[number], weights[i]),
)
const listed = pairs.map(({ publicKey }, i) => ({ publicKey, weight: weights[i] as number }))
const bls: ShardScheme = { vShard: 0, engine: 'simplex', certificates: 'bls', validators }
const ed25519: ShardScheme = { vShard: 0, engine: 'simplex', certificates: 'ed25519', validators: listed }

function chainOf(shard: ShardScheme) {
  const scheme = defaultScheme({ chainId: 7, networkId: 'test', shards: [shard] })
  const genesis = { scheme, timeMs: 1_000, allocations: tokenAllocations() }
  const { layout } = genesisLayout(genesis, genesisHash(genesis))
  const first = headCodec.decode((layout.shards[0] as (typeof layout.shards)[number]).genesisHead)
  const head = headCodec.encode({ ...first, view: 1, height: 1 })
  const root = trustedRoot(genesis)
  const certify = (signers: readonly number[], by = shard) =>
    signCertificate(
      { ...root, committee: schemeCommittee(by) },
      head,
      signers.map((index) => {
        const secretKey = pairs[index]?.secretKey as Uint8Array
        const blsSecretKey = blsSecrets[index]?.secretKey as Uint8Array
        return { index, sign: voteSigner(by.certificates, { secretKey, blsSecretKey }) }
      }),
    )
  return { root, head, certify }
}

test.each([
  ['ed25519', ed25519],
  ['bls', bls],
])('a head under %s certificates is believed by weight', (_, shard) => {
  const { root, head, certify } = chainOf(shard)
  expect(verifyHead(root, 0, head, certify([2, 3])).height).toBe(1)
  expect(verifyHead(root, 0, head, certify([0, 1, 3])).height).toBe(1)
  expect(() => verifyHead(root, 0, head, certify([0, 1, 2]))).toThrow('ARM_BLOCK_CERTIFICATE')
})

test('validators that sign in another way than the genesis says are not believed', () => {
  for (const [one, two] of [
    [bls, ed25519],
    [ed25519, bls],
  ] as const) {
    const { root, head, certify } = chainOf(one)
    expect(() => verifyHead(root, 0, head, certify([0, 1, 2, 3], two))).toThrow('ARM_BLOCK_CERTIFICATE')
  }
})
