import {
  activeEd25519,
  bytes,
  bytes32,
  type Codec,
  compile,
  isArmError,
  list,
  signEncoded,
  signingDomain,
  struct,
  toHex,
  transactionMessage,
  u8,
  u32,
  u53,
} from '@armchain/core'
import { componentsOf, type Edge, graphOf } from '../overlay/graph.ts'
import { vertexConnectivity } from '../overlay/vertex-connectivity.ts'
import { DIGEST_LIFE_MS, DIGEST_NEIGHBOURS_MAX, DIGESTS_MAX, MIN_CUT_LIMIT } from './limits.ts'
import type { MeshId } from './mesh-planner.ts'
import type { Sign } from './node-record.ts'

/** A member's signed word on whom it is connected to in one mesh: what a super node sees the mesh from. */
export type MeshDigest = {
  readonly version: number
  readonly epoch: number
  readonly vShard: number
  /** The member's network key. */
  readonly key: Uint8Array
  readonly sequence: number
  /** Network keys of its neighbours. */
  readonly neighbours: readonly Uint8Array[]
  readonly signature: Uint8Array
}

export const DIGEST_VERSION = 1
const DIGEST_BYTES_MAX = 4096

const digestCodec: Codec<MeshDigest> = compile(
  struct(
    ['version', u8],
    ['epoch', u53],
    ['vShard', u32],
    ['key', bytes32],
    ['sequence', u53],
    ['neighbours', list(bytes32, DIGEST_NEIGHBOURS_MAX)],
    ['signature', bytes(64)],
  ),
)

/** Of more neighbours than a digest holds the first are named: the metrics are then of a mesh with fewer links. */
export function signDigest(
  genesisHash: Uint8Array,
  unsigned: Omit<MeshDigest, 'version' | 'signature'>,
  sign: Sign,
): Uint8Array {
  const neighbours = unsigned.neighbours.slice(0, DIGEST_NEIGHBOURS_MAX)
  return signEncoded(digestCodec, { ...unsigned, neighbours, version: DIGEST_VERSION }, digestDomain(genesisHash), sign)
}

/** Undefined for what is malformed or not signed by its key. */
export function checkDigest(genesisHash: Uint8Array, encoded: Uint8Array): MeshDigest | undefined {
  if (encoded.length > DIGEST_BYTES_MAX) return undefined
  try {
    const digest = digestCodec.decode(encoded)
    const { version, key, signature } = digest
    const signed = { publicKey: key, message: transactionMessage(digestDomain(genesisHash), encoded), signature }
    return version === DIGEST_VERSION && activeEd25519().verify(signed) ? digest : undefined
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

export type MeshMetrics = {
  /** Members whose digests count now. */
  readonly members: number
  /** Parts that the mesh falls into: 1 if all is well. */
  readonly components: number
  /** Fewest members whose loss splits it, exact below `MIN_CUT_LIMIT`. */
  readonly minCut: number
  /** Links that only one end names: of members that lie, or whose digests cross. */
  readonly oneSided: number
}

/**
 * One mesh, seen from its members' digests. A link counts if both ends name it, so a liar can only make the mesh look
 * worse, by links that are its own.
 */
export class MeshObserver {
  readonly #mesh: MeshId
  readonly #digests: Map<string, { readonly digest: MeshDigest; readonly atMs: number }> = new Map()

  constructor(mesh: MeshId) {
    this.#mesh = mesh
  }

  /** Takes a digest that `checkDigest` has found valid, of a member. */
  offer(digest: MeshDigest, nowMs: number): 'taken' | 'older' | 'other-mesh' | 'full' {
    if (digest.epoch !== this.#mesh.epoch || digest.vShard !== this.#mesh.vShard) return 'other-mesh'
    const key = toHex(digest.key)
    const known = this.#digests.get(key)
    if (known !== undefined && digest.sequence <= known.digest.sequence) return 'older'
    if (known === undefined && this.#digests.size >= DIGESTS_MAX) {
      this.#forget(nowMs)
      if (this.#digests.size >= DIGESTS_MAX) return 'full'
    }
    this.#digests.set(key, { digest, atMs: nowMs })
    return 'taken'
  }

  metrics(nowMs: number): MeshMetrics {
    this.#forget(nowMs)
    const indexes = new Map([...this.#digests.keys()].map((key, index) => [key, index]))
    const named = [...this.#digests.values()].map(
      ({ digest }) => new Set(digest.neighbours.map((key) => indexes.get(toHex(key)))),
    )
    const edges: Edge[] = []
    let oneSided = 0
    named.forEach((neighbours, a) => {
      for (const b of neighbours) {
        if (b === undefined || b === a) continue
        if (!named[b]?.has(a)) oneSided++
        else if (a < b) edges.push([a, b])
      }
    })
    const graph = graphOf(named.length, edges)
    const components = componentsOf(graph).length
    const minCut = components > 1 ? 0 : vertexConnectivity(graph, MIN_CUT_LIMIT)
    return { members: named.length, components, minCut, oneSided }
  }

  #forget(nowMs: number): void {
    for (const [key, { atMs }] of this.#digests) if (nowMs - atMs > DIGEST_LIFE_MS) this.#digests.delete(key)
  }
}

function digestDomain(genesisHash: Uint8Array): Uint8Array {
  return signingDomain(genesisHash, 'mesh-digest', DIGEST_VERSION)
}
