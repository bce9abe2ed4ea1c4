import { activeEd25519, keyPairFromSecret, sha256, utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import { platformBls } from './node/platform.ts'
import { blsMultisig } from './schemes/bls-multisig.ts'
import { ed25519List } from './schemes/ed25519-list.ts'
import { createSimplexEngine } from './simplex/simplex.ts'
import type { TestCrypto } from './testing/fake-scheme.ts'
import { type Scenario, TestWorld } from './testing/test-world.ts'

// A scalar below the group's order, too.
const secretOf = (index: number) => sha256(utf8(`seat ${index}`)).fill(0, 0, 1)

const schemes: Record<string, TestCrypto> = {
  'ed25519 lists': {
    scheme: ed25519List,
    keyOf: (index) => keyPairFromSecret(secretOf(index)).publicKey,
    signerOf: (index) => (message) => activeEd25519().sign(message, secretOf(index)),
  },
  'BLS multi-signatures': {
    scheme: blsMultisig(),
    keyOf: (index) => platformBls.publicKey(secretOf(index)),
    signerOf: (index) => (message) => platformBls.sign(message, secretOf(index)),
  },
}

const scenario: Scenario = {
  seed: 7,
  weights: [3, 2, 2, 2],
  faults: 'byzantine',
  chaosMs: 1_000,
  calmMs: 1_500,
  loss: 0.1,
  duplicates: 0.02,
  upsets: ['crash'],
  upsetMs: 300,
  progressBlocks: 5,
}

test.each(Object.entries(schemes))('a committee decides with %s as it does without cryptography', (_, crypto) => {
  const { height, auditHash } = new TestWorld(scenario, createSimplexEngine).run()
  const real = new TestWorld(scenario, createSimplexEngine, crypto).run()
  expect(height).toBeGreaterThan(10)
  expect(real.height).toBe(height)
  // Crash and delay are drawn by event, and no event depends on what a signature is; block hashes do not either.
  expect(real.auditHash).toBe(auditHash)
})
