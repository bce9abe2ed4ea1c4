import {
  activeEd25519,
  concatBytes,
  type Head,
  headCodec,
  headHash,
  type KeyPair,
  keyPairFromSecret,
  sha256,
  utf8,
  wholeShard,
} from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type CertificateRules,
  type FinalCertificate,
  finalCertificateCodec,
  signCertificate,
  verifyCertificate,
} from './certificate.ts'
import { createCommittee, equalWeights, type FaultModel, quorumOf } from './committee.ts'
import * as consensusLimits from './limits.ts'
import { ed25519List } from './schemes/ed25519-list.ts'
import { signerBitmap } from './signers.ts'
import { FINALIZE, linkOf, statementsOf } from './statement.ts'

const keys: readonly KeyPair[] = Array.from({ length: 10 }, (_, i) => keyPairFromSecret(sha256(utf8(`validator ${i}`))))
const genesisHash = sha256(utf8('genesis'))
const zero = new Uint8Array(32)
const roots = { stateRoot: zero, outboxRoot: zero, shardTopsRoot: zero, workerTopsRoot: zero, committeesRoot: zero }
const place = { genesis: genesisHash, shard: wholeShard(1), epoch: 0, view: 3, height: 3, timeMs: 9 }
const decoded: Head = { ...place, ...roots, nextCommittee: zero, bodyHash: sha256(zero) }
const head = headCodec.encode(decoded)

const scheme = ed25519List

function rulesOf(validators: number, faults: FaultModel = 'byzantine'): CertificateRules {
  const committee = equalWeights(
    keys.slice(0, validators).map(({ publicKey }) => publicKey),
    { scheme, faults },
  )
  return { genesisHash, schemaVersion: 1, committee }
}

const sign =
  (key: KeyPair = keys[0] as KeyPair) =>
  (message: Uint8Array) =>
    activeEd25519().sign(message, key.secretKey)

function certify(signers: readonly number[], validators: number, rules = rulesOf(validators), bytes = head) {
  return signCertificate(
    rules,
    bytes,
    signers.map((index) => ({ index, sign: sign(keys[index]) })),
  )
}

function codeOf(certificate: Uint8Array, rules: CertificateRules, bytes = head): string | undefined {
  const outcome = verifyCertificate(bytes, certificate, rules)
  return outcome.ok ? undefined : outcome.reason.code
}

test('two quorums share a correct validator: of any weights, under either fault model', () => {
  const of = (total: number) => quorumOf(total, 'byzantine')
  expect([1, 2, 3, 4, 5, 6, 7, 10, 100].map(of)).toEqual([1, 2, 3, 3, 4, 5, 5, 7, 67])
  expect([1, 2, 3, 4, 5, 7].map((total) => quorumOf(total, 'crash'))).toEqual([1, 2, 2, 3, 3, 4])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (total) => {
      const [w, lying, stopped] = [BigInt(total), BigInt(of(total)), BigInt(quorumOf(total, 'crash'))]
      const faulty = (w - 1n) / 3n
      expect(2n * lying - w > faulty).toBe(true)
      expect(lying <= w - faulty).toBe(true)
      expect(2n * stopped > w && stopped <= w - (w - 1n) / 2n).toBe(true)
    }),
  )
})

test('any quorum of signers, in any order, finalises the head; one signer less does not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.shuffledSubarray([...keys.keys()], { minLength: 10 }),
      (n, order) => {
        const rules = rulesOf(n)
        const members = order.filter((index) => index < n)
        const enough = members.slice(0, rules.committee.quorumWeight)
        expect(verifyCertificate(head, certify(enough, n), rules)).toEqual({ ok: true, value: decoded })
        expect(certify([...enough].reverse(), n)).toEqual(certify(enough, n))
        expect(codeOf(certify(members, n), rules)).toBeUndefined()
        expect(codeOf(certify(enough.slice(1), n), rules)).toBe('ARM_BLOCK_CERTIFICATE')
      },
    ),
    { numRuns: 20 },
  )
})

test('weight decides, not the number of signers', () => {
  const seats = [10, 1, 1, 1].map((weight, i) => ({ key: (keys[i] as KeyPair).publicKey, weight }))
  const rules = { genesisHash, schemaVersion: 1, committee: createCommittee(seats, { scheme, faults: 'byzantine' }) }
  expect(codeOf(certify([0], 4, rules), rules)).toBeUndefined()
  expect(codeOf(certify([1, 2, 3], 4, rules), rules)).toBe('ARM_BLOCK_CERTIFICATE')
})

test('where validators only crash, more than half is enough', () => {
  const rules = rulesOf(3, 'crash')
  expect(codeOf(certify([0, 2], 3), rules)).toBeUndefined()
  expect(codeOf(certify([2], 3), rules)).toBe('ARM_BLOCK_CERTIFICATE')
})

const otherHead = headCodec.encode({ ...decoded, view: 4, height: 4 })

/** A head that became final through one above it. */
function indirect(changed: Partial<FinalCertificate> = {}): Uint8Array {
  const parentLink = sha256(utf8('below'))
  const own = linkOf(parentLink, 3, 3, headHash(head))
  const above = linkOf(own, 4, 4, headHash(otherHead))
  const message = statementsOf({ genesisHash, schemaVersion: 1, shard: wholeShard(1), epoch: 0 })(FINALIZE, 4, above)
  return finalCertificateCodec.encode({
    scheme: scheme.id,
    parentLink,
    view: 3,
    path: [{ view: 4, headHash: headHash(otherHead) }],
    signers: signerBitmap([0, 1, 2], 4),
    proof: scheme.assemble([0, 1, 2].map((index) => sign(keys[index])(message))),
    ...changed,
  })
}

test('the votes for a block finalise what is below it, along the path and in no other way', () => {
  const rules = rulesOf(4)
  expect(verifyCertificate(head, indirect(), rules)).toEqual({ ok: true, value: decoded })
  for (const changed of [
    { path: [] },
    { view: 2 },
    { parentLink: zero },
    { path: [{ view: 5, headHash: headHash(otherHead) }] },
    { path: [{ view: 4, headHash: headHash(head) }] },
    { path: [...finalCertificateCodec.decode(indirect()).path, { view: 5, headHash: zero }] },
  ])
    expect(codeOf(indirect(changed), rules)).toBe('ARM_BLOCK_CERTIFICATE')
  expect(codeOf(indirect(), rules, otherHead)).toBe('ARM_BLOCK_CERTIFICATE')
})

const certificate = certify([0, 1, 2], 4)
const plain = finalCertificateCodec.decode(certificate)
const [one, two, three] = [0, 64, 128].map((at) => plain.proof.subarray(at, at + 64)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const bitmap = (...indexes: number[]) => signerBitmap(indexes, 4)
const elsewhere = (rules: Partial<CertificateRules>, bytes = head): Partial<FinalCertificate> =>
  finalCertificateCodec.decode(certify([0, 1, 2], 4, { ...rulesOf(4), ...rules }, bytes))
const otherwise = (parts: Partial<Head>) => elsewhere({}, headCodec.encode({ ...decoded, ...parts }))
const proofOf = (...parts: Uint8Array[]) => ({ proof: concatBytes(...parts) })
const bad: Record<string, Partial<FinalCertificate>> = {
  'of an unknown scheme': { scheme: 2 },
  'signed by nobody': { signers: bitmap(), ...proofOf() },
  'with a signature twice for two signers': proofOf(one, one, two),
  'with signatures in another order': proofOf(three, two, one),
  'with a signature more than signers': proofOf(one, two, three, one),
  'with a signer more than signatures': { signers: bitmap(0, 1, 2, 3) },
  'with another signer': { signers: bitmap(0, 1, 3) },
  'with a signer who is no validator': { signers: Uint8Array.of(0b10011) },
  'with a bitmap that is too long': { signers: Uint8Array.of(7, 0) },
  'without a bitmap': { signers: new Uint8Array(0) },
  'with a signature of 63 bytes': proofOf(one.subarray(1), two, three),
  'with a signature of a stranger': proofOf(sign(keys[9])(head), two, three),
  'over another head': elsewhere({}, otherHead),
  'of another chain': elsewhere({ genesisHash: sha256(genesisHash) }),
  'of other rules': elsewhere({ schemaVersion: 2 }),
  'of another epoch': otherwise({ epoch: 1 }),
  'of another shard': otherwise({ shard: wholeShard(2) }),
  'for another view': { view: 4 },
}

test.each(Object.keys(bad))('refused: %s', (what) => {
  expect(codeOf(finalCertificateCodec.encode(plain), rulesOf(4))).toBeUndefined()
  expect(codeOf(finalCertificateCodec.encode({ ...plain, ...bad[what] }), rulesOf(4))).toBe('ARM_BLOCK_CERTIFICATE')
})

test('where there are no validators, nothing is final', () => {
  expect(codeOf(certify([], 0), rulesOf(0))).toBe('ARM_BLOCK_CERTIFICATE')
})

test('a signer who is given twice makes no certificate', () => {
  expect(codeOf(certify([0, 0, 1], 4), rulesOf(4))).toBe('ARM_BLOCK_CERTIFICATE')
})

test.each<[string, { weight: number }[]]>([
  ['of no weight', [{ weight: 0 }]],
  ['of a part', [{ weight: 1.5 }]],
  ['too heavy together', [{ weight: Number.MAX_SAFE_INTEGER }, { weight: 1 }]],
  ['too many', Array.from({ length: consensusLimits.SEATS_MAX + 1 }, () => ({ weight: 1 }))],
])('no committee of seats that are %s', (_, weights) => {
  const seats = weights.map((seat) => ({ key: zero, ...seat }))
  expect(() => createCommittee(seats, { scheme, faults: 'byzantine' })).toThrow('ARM_ARGUMENT')
})

test('any byte of head or certificate changed, and any end of them cut, is refused', () => {
  const rules = rulesOf(4)
  for (const [i, whole] of [head, certificate].entries()) {
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      for (const part of [changed, whole.subarray(0, at)])
        expect(i === 0 ? codeOf(certificate, rules, part) : codeOf(part, rules)).toBe('ARM_BLOCK_CERTIFICATE')
    }
  }
})

test('any bytes at all: a refusal', () => {
  const rules = rulesOf(4)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      expect(codeOf(b, rules, a)).toBe('ARM_BLOCK_CERTIFICATE')
      expect(codeOf(b, rules)).toBe('ARM_BLOCK_CERTIFICATE')
    }),
    { numRuns: 1_000 },
  )
})
