import {
  activeEd25519,
  type Certificate,
  certificateCodec,
  equalBytes,
  type Head,
  headCodec,
  type KeyPair,
  keyPairFromSecret,
  sha256,
  utf8,
  wholeShard,
} from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeCertificate, headMessage, quorum, verifyCertificate } from './certificate.ts'

const keys: readonly KeyPair[] = Array.from({ length: 10 }, (_, i) => keyPairFromSecret(sha256(utf8(`validator ${i}`))))
const genesisHash = sha256(utf8('genesis'))
const zero = new Uint8Array(32)
const roots = { stateRoot: zero, outboxRoot: zero, shardTopsRoot: zero, workerTopsRoot: zero, committeesRoot: zero }
const place = { genesis: genesisHash, shard: wholeShard(1), epoch: 0, view: 3, height: 3, timeMs: 9 }
const decoded: Head = { ...place, ...roots, nextCommittee: zero, bodyHash: sha256(zero) }
const head = headCodec.encode(decoded)

function rulesOf(validators: number) {
  return { genesisHash, schemaVersion: 1, validators: keys.slice(0, validators).map(({ publicKey }) => publicKey) }
}

function signed(index: number, message = headMessage(genesisHash, 1, head), key = keys[index] as KeyPair) {
  return { index, signature: activeEd25519().sign(message, key.secretKey) }
}

function certify(signers: readonly number[], validators: number): Uint8Array {
  return encodeCertificate(
    signers.map((index) => signed(index)),
    validators,
  )
}

function codeOf(certificate: Uint8Array, validators: number, bytes = head): string | undefined {
  const outcome = verifyCertificate(bytes, certificate, rulesOf(validators))
  return outcome.ok ? undefined : outcome.reason.code
}

test('a quorum is more than two thirds, so that two of them share an honest validator', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 10, 100].map(quorum)).toEqual([1, 2, 3, 3, 4, 5, 5, 7, 67])
  for (let validators = 1; validators < 500; validators++) {
    const faulty = Math.floor((validators - 1) / 3)
    expect(2 * quorum(validators) - validators).toBeGreaterThan(faulty)
    expect(quorum(validators)).toBeLessThanOrEqual(validators - faulty)
  }
})

test('any quorum of signers, in any order, finalises the head; one signer less does not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.shuffledSubarray([...keys.keys()], { minLength: 10 }),
      (n, order) => {
        const members = order.filter((index) => index < n)
        const enough = members.slice(0, quorum(n))
        expect(verifyCertificate(head, certify(enough, n), rulesOf(n))).toEqual({ ok: true, value: decoded })
        expect(certify([...enough].reverse(), n)).toEqual(certify(enough, n))
        expect(codeOf(certify(members, n), n)).toBeUndefined()
        expect(codeOf(certify(enough.slice(1), n), n)).toBe('ARM_BLOCK_CERTIFICATE')
      },
    ),
    { numRuns: 30 },
  )
})

const QUORUM = [0, 1, 2] as const
const message = headMessage(genesisHash, 1, head)
const bitmap = (...indexes: number[]) => Uint8Array.of(indexes.reduce((bits, index) => bits | (1 << index), 0))
const signatures = QUORUM.map((index) => signed(index).signature)
const plain: Certificate = { scheme: 1, signers: bitmap(...QUORUM), signatures }
const [one, two] = [signatures[0] as Uint8Array, signatures[1] as Uint8Array]
const otherHead = headCodec.encode({ ...decoded, view: 4 })
const bad: Record<string, Certificate> = {
  'of an unknown scheme': { ...plain, scheme: 2 },
  'signed by nobody': { ...plain, signers: bitmap(), signatures: [] },
  'with a signature twice for two signers': { ...plain, signatures: [one, one, two] },
  'with signatures in another order': { ...plain, signatures: [...signatures].reverse() },
  'with a signature more than signers': { ...plain, signatures: [...signatures, one] },
  'with a signer more than signatures': { ...plain, signers: bitmap(0, 1, 2, 3) },
  'with another signer': { ...plain, signers: bitmap(0, 1, 3) },
  'with a signer who is no validator': { ...plain, signers: bitmap(0, 1, 4) },
  'with a bitmap that is too long': { ...plain, signers: Uint8Array.of(7, 0) },
  'without a bitmap': { ...plain, signers: new Uint8Array(0) },
  'with a signature of 63 bytes': { ...plain, signatures: [one.subarray(1), ...signatures.slice(1)] },
  'with a signature of 96 bytes': { ...plain, signatures: [new Uint8Array(96), ...signatures.slice(1)] },
  'with a signature of a stranger': {
    ...plain,
    signatures: [signed(0, message, keys[9]).signature, ...signatures.slice(1)],
  },
  'over another head': {
    ...plain,
    signatures: [signed(0, headMessage(genesisHash, 1, otherHead)).signature, ...signatures.slice(1)],
  },
  'for another chain': {
    ...plain,
    signatures: [signed(0, headMessage(sha256(genesisHash), 1, head)).signature, ...signatures.slice(1)],
  },
  'for other rules': {
    ...plain,
    signatures: [signed(0, headMessage(genesisHash, 2, head)).signature, ...signatures.slice(1)],
  },
  'over the head without a domain': { ...plain, signatures: [signed(0, head).signature, ...signatures.slice(1)] },
}

test.each(Object.keys(bad))('refused: %s', (what) => {
  expect(codeOf(certificateCodec.encode(plain), 4)).toBeUndefined()
  expect(codeOf(certificateCodec.encode(bad[what] as Certificate), 4)).toBe('ARM_BLOCK_CERTIFICATE')
})

test('where there are no validators, nothing is final', () => {
  expect(codeOf(encodeCertificate([], 0), 0)).toBe('ARM_BLOCK_CERTIFICATE')
})

test('a signer who is given twice makes no certificate', () => {
  const twice = encodeCertificate([signed(0), signed(0), signed(1)], 4)
  expect(codeOf(twice, 4)).toBe('ARM_BLOCK_CERTIFICATE')
})

test('any byte of head or certificate changed, and any end of them cut, is refused', () => {
  const certificate = certificateCodec.encode(plain)
  for (const [i, whole] of [head, certificate].entries()) {
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      for (const part of [changed, whole.subarray(0, at)])
        expect(i === 0 ? codeOf(certificate, 4, part) : codeOf(part, 4)).toBe('ARM_BLOCK_CERTIFICATE')
    }
  }
})

test('any bytes at all: a refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      expect(equalBytes(a, head)).toBe(false)
      expect(codeOf(b, 4, a)).toBe('ARM_BLOCK_CERTIFICATE')
      expect(codeOf(b, 4)).toBe('ARM_BLOCK_CERTIFICATE')
    }),
    { numRuns: 1_000 },
  )
})
