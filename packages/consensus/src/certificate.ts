import {
  activeEd25519,
  type Certificate,
  certificateCodec,
  concatBytes,
  type Head,
  headCodec,
  isArmError,
  type Outcome,
  refuse,
  signingDomain,
} from '@armchain/core'

/**
 * Certificates as lists of ed25519 signatures over the anchor head: attributable, and checked without any library
 * but ed25519. Rule: valid if at least `quorum` validators of the shard signed, each once.
 */
export const CERTIFICATE_ED25519_LIST = 1

/** Signers needed among `validators` of equal weight: more than two thirds. */
export function quorum(validators: number): number {
  return Math.floor((2 * validators) / 3) + 1
}

/** What a validator signs to certify a head. */
export function headMessage(genesisHash: Uint8Array, schemaVersion: number, head: Uint8Array): Uint8Array {
  return concatBytes(signingDomain(genesisHash, 'head', schemaVersion), head)
}

export function encodeCertificate(
  signatures: readonly { readonly index: number; readonly signature: Uint8Array }[],
  validators: number,
): Uint8Array {
  const sorted = [...signatures].sort((a, b) => a.index - b.index)
  const signers = new Uint8Array((validators + 7) >> 3)
  for (const { index } of sorted) signers[index >> 3] = (signers[index >> 3] as number) | (1 << (index & 7))
  return certificateCodec.encode({
    scheme: CERTIFICATE_ED25519_LIST,
    signers,
    signatures: sorted.map(({ signature }) => signature),
  })
}

/** The decoded head if the certificate proves it final to whoever knows the shard's validators. */
export function verifyCertificate(
  head: Uint8Array,
  certificate: Uint8Array,
  rules: {
    readonly genesisHash: Uint8Array
    readonly schemaVersion: number
    readonly validators: readonly Uint8Array[]
  },
): Outcome<Head> {
  let decoded: Head
  let proof: Certificate
  try {
    decoded = headCodec.decode(head)
    proof = certificateCodec.decode(certificate)
  } catch (error) {
    if (!isArmError(error)) throw error
    return refuse('ARM_BLOCK_CERTIFICATE', 'head or certificate is malformed', { ...error.data })
  }
  const { validators } = rules
  if (proof.scheme !== CERTIFICATE_ED25519_LIST)
    return refuse('ARM_BLOCK_CERTIFICATE', 'unknown certificate scheme', { scheme: proof.scheme })
  if (proof.signers.length !== (validators.length + 7) >> 3)
    return refuse('ARM_BLOCK_CERTIFICATE', 'the signer bitmap has a wrong length')
  const signers = [...proof.signers].flatMap((byte, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * i + bit),
  )
  if (signers.length !== proof.signatures.length || signers.length < quorum(validators.length)) {
    return refuse('ARM_BLOCK_CERTIFICATE', 'too few signatures', {
      signers: signers.length,
      quorum: quorum(validators.length),
    })
  }
  const message = headMessage(rules.genesisHash, rules.schemaVersion, head)
  const valid = signers.every((index, i) => {
    const publicKey = validators[index]
    return (
      publicKey !== undefined &&
      activeEd25519().verify({ publicKey, message, signature: proof.signatures[i] as Uint8Array })
    )
  })
  return valid ? { ok: true, value: decoded } : refuse('ARM_BLOCK_CERTIFICATE', 'a signature is invalid')
}
