import { copy32, equalBytes, utf8 } from '../bytes.ts'
import { hashPairs, sha256 } from '../crypto/hash.ts'
import { invariant } from '../errors.ts'

/**
 * An authenticated binary tree over 32-byte keys, compact: a subtree with one key is that key's leaf.
 *
 * Rules: `leaf = H(H(key || value) || LEAF_TAG)`, `inner = H(left || right)`, an empty subtree is 32 zero bytes,
 * H is SHA-256 over 64 bytes. The tag is neither zero nor the hash of any node, and a proof that names it as a sibling
 * proves nothing, so a leaf never passes for an inner node.
 * An inner node holds at least two leaves below it, so equal contents give equal roots whatever the history.
 *
 * Keys live outside, in `keys` (32 bytes a slot), because an account table keeps them anyway. Changes mark the nodes
 * on their path, each once; `root` then hashes the marked nodes from the deepest level up, a level at a time.
 */
export type KeyStore = { bytes: Uint8Array }

export type TreeProof = {
  /** Hashes beside the path, from the root down. */
  readonly siblings: readonly Uint8Array[]
  /** The leaf at the end of the path when it is not the key's own: shows absence. Undefined: the path ends empty. */
  readonly other?: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined
}

export const LEAF_TAG: Uint8Array = sha256Tag('armchain/v1/tree-leaf')
const EMPTY: Uint8Array = new Uint8Array(32)
const DEPTH_MAX = 256

export class SparseTree {
  readonly #keys: KeyStore
  /** Child references: 0 empty, n > 0 inner node n, n < 0 leaf of slot -n - 1. */
  #left: Int32Array
  #right: Int32Array
  #hash: Uint8Array
  #leafHash: Uint8Array
  #mark: Uint8Array
  #nodes = 1
  #top = 0
  readonly #free: number[] = []
  readonly #freed: number[] = []
  readonly #levels: number[][] = []
  readonly #path: Int32Array = new Int32Array(DEPTH_MAX + 1)

  constructor(keys: KeyStore, capacity = 4) {
    this.#keys = keys
    this.#left = new Int32Array(capacity)
    this.#right = new Int32Array(capacity)
    this.#mark = new Uint8Array(capacity)
    this.#hash = new Uint8Array(32 * capacity)
    this.#leafHash = new Uint8Array(32 * capacity)
  }

  /** Sets the values (32 bytes each, concatenated) of slots; their keys already stand in the key store. */
  setMany(slots: ArrayLike<number>, values: Uint8Array, count: number): void {
    if (count === 0) return
    const keys = this.#keys.bytes
    const pairs = new Uint8Array(64 * count)
    const inner = new Uint8Array(32 * count)
    for (let i = 0; i < count; i++) {
      copy32(keys, 32 * (slots[i] as number), pairs, 64 * i)
      copy32(values, 32 * i, pairs, 64 * i + 32)
    }
    hashPairs(pairs, inner, count)
    for (let i = 0; i < count; i++) {
      copy32(inner, 32 * i, pairs, 64 * i)
      copy32(LEAF_TAG, 0, pairs, 64 * i + 32)
    }
    hashPairs(pairs, inner, count)
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number
      this.#reserveLeaf(slot)
      copy32(inner, 32 * i, this.#leafHash, 32 * slot)
      this.#insert(slot)
    }
  }

  /** Takes the key of `slot` out. The key must still stand in the key store; an absent key is left alone. */
  delete(slot: number): void {
    const keys = this.#keys.bytes
    let reference = this.#top
    let depth = 0
    while (reference > 0) {
      this.#path[depth] = reference
      reference = this.#child(reference, bitAt(keys, slot, depth))
      depth++
    }
    if (reference !== -slot - 1) return
    if (depth === 0) {
      this.#top = 0
      return
    }
    this.#unlink(keys, slot, depth - 1)
  }

  /** The root over every change so far. */
  root(): Uint8Array {
    this.#rehash()
    return this.#referenceHash(this.#top).slice()
  }

  /** The slot that holds `key`, if any. */
  find(key: Uint8Array): number | undefined {
    let reference = this.#top
    for (let depth = 0; reference > 0; depth++) reference = this.#child(reference, bitAt(key, 0, depth))
    const slot = -reference - 1
    if (reference === 0 || !equalBytes(this.#keys.bytes.subarray(32 * slot, 32 * slot + 32), key)) return undefined
    return slot
  }

  /** Proof of what is, or is not, at `key`; `slotValue` gives the 32-byte value of another slot. */
  prove(key: Uint8Array, slotValue: (slot: number) => Uint8Array): TreeProof {
    this.#rehash()
    const siblings: Uint8Array[] = []
    let reference = this.#top
    for (let depth = 0; reference > 0; depth++) {
      const bit = bitAt(key, 0, depth)
      siblings.push(this.#referenceHash(this.#child(reference, 1 - bit)).slice())
      reference = this.#child(reference, bit)
    }
    const slot = -reference - 1
    if (reference === 0) return { siblings }
    const found = this.#keys.bytes.slice(32 * slot, 32 * slot + 32)
    return equalBytes(found, key) ? { siblings } : { siblings, other: { key: found, value: slotValue(slot) } }
  }

  #insert(slot: number): void {
    const keys = this.#keys.bytes
    let reference = this.#top
    let parent = 0
    let depth = 0
    while (reference > 0) {
      this.#touch(reference, depth)
      parent = reference
      reference = this.#child(reference, bitAt(keys, slot, depth))
      depth++
    }
    const leaf = -slot - 1
    if (reference === leaf) return
    let subtree = leaf
    if (reference < 0) subtree = this.#fork(keys, reference, leaf, depth)
    if (parent === 0) this.#top = subtree
    else this.#setChild(parent, bitAt(keys, slot, depth - 1), subtree)
  }

  /** Inner nodes from `depth` down to where two leaves part. */
  #fork(keys: Uint8Array, existing: number, added: number, depth: number): number {
    const a = -existing - 1
    const b = -added - 1
    let split = depth
    while (split < DEPTH_MAX && bitAt(keys, a, split) === bitAt(keys, b, split)) split++
    invariant(split < DEPTH_MAX, 'two slots hold one key')
    let child = this.#newNode(split)
    this.#setChild(child, bitAt(keys, a, split), existing)
    this.#setChild(child, bitAt(keys, b, split), added)
    for (let level = split - 1; level >= depth; level--) {
      const node = this.#newNode(level)
      this.#setChild(node, bitAt(keys, b, level), child)
      child = node
    }
    return child
  }

  /** Removes the leaf of `slot` under the node at `depth` of the recorded path, and lifts a sibling leaf left alone. */
  #unlink(keys: Uint8Array, slot: number, depth: number): void {
    let level = depth
    const parent = this.#path[level] as number
    const bit = bitAt(keys, slot, level)
    const sibling = this.#child(parent, 1 - bit)
    let lifted = 0
    if (sibling > 0) {
      this.#setChild(parent, bit, 0)
      level++
    } else {
      lifted = sibling
      this.#release(parent)
      while (level > 0) {
        const above = this.#path[level - 1] as number
        if (this.#child(above, 1 - bitAt(keys, slot, level - 1)) !== 0) break
        this.#release(above)
        level--
      }
      if (level === 0) this.#top = lifted
      else this.#setChild(this.#path[level - 1] as number, bitAt(keys, slot, level - 1), lifted)
    }
    for (let above = 0; above < level; above++) this.#touch(this.#path[above] as number, above)
  }

  #rehash(): void {
    for (let depth = this.#levels.length - 1; depth >= 0; depth--) {
      const nodes = this.#levels[depth] as number[]
      if (nodes.length > 0) this.#rehashLevel(nodes)
      nodes.length = 0
    }
    for (const node of this.#freed) this.#free.push(node)
    this.#freed.length = 0
  }

  #rehashLevel(nodes: readonly number[]): void {
    const pairs = new Uint8Array(64 * nodes.length)
    const out = new Uint8Array(32 * nodes.length)
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as number
      this.#copy32(this.#left[node] as number, pairs, 64 * i)
      this.#copy32(this.#right[node] as number, pairs, 64 * i + 32)
    }
    hashPairs(pairs, out, nodes.length)
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as number
      copy32(out, 32 * i, this.#hash, 32 * node)
      this.#mark[node] = 0
    }
  }

  #copy32(reference: number, out: Uint8Array, at: number): void {
    if (reference > 0) copy32(this.#hash, 32 * reference, out, at)
    else if (reference < 0) copy32(this.#leafHash, 32 * (-reference - 1), out, at)
  }

  #referenceHash(reference: number): Uint8Array {
    if (reference === 0) return EMPTY
    const start = reference > 0 ? 32 * reference : 32 * (-reference - 1)
    return (reference > 0 ? this.#hash : this.#leafHash).subarray(start, start + 32)
  }

  #touch(node: number, depth: number): void {
    if (this.#mark[node] === 1) return
    this.#mark[node] = 1
    while (this.#levels.length <= depth) this.#levels.push([])
    this.#levels[depth]?.push(node)
  }

  #newNode(depth: number): number {
    const node = this.#free.pop() ?? this.#nodes++
    if (node >= this.#left.length) this.#growNodes()
    this.#left[node] = 0
    this.#right[node] = 0
    this.#mark[node] = 0
    this.#touch(node, depth)
    return node
  }

  /** A node may stand in a level list until the next rehash, so it is reused only after that. */
  #release(node: number): void {
    this.#freed.push(node)
    this.#left[node] = 0
    this.#right[node] = 0
  }

  #child(node: number, bit: number): number {
    return (bit === 0 ? this.#left[node] : this.#right[node]) as number
  }

  #setChild(node: number, bit: number, reference: number): void {
    if (bit === 0) this.#left[node] = reference
    else this.#right[node] = reference
  }

  #growNodes(): void {
    const capacity = grownCapacity(this.#left.length)
    this.#left = grown(this.#left, new Int32Array(capacity))
    this.#right = grown(this.#right, new Int32Array(capacity))
    this.#mark = grown(this.#mark, new Uint8Array(capacity))
    this.#hash = grown(this.#hash, new Uint8Array(32 * capacity))
  }

  #reserveLeaf(slot: number): void {
    if (32 * slot < this.#leafHash.length) return
    let capacity = this.#leafHash.length / 32
    while (capacity <= slot) capacity = grownCapacity(capacity)
    this.#leafHash = grown(this.#leafHash, new Uint8Array(32 * capacity))
  }
}

/**
 * True if the tree with this root holds `value` at `key`, or nothing there when `value` is undefined.
 * Never throws: a malformed proof proves nothing.
 */
export function verifyTreeProof(
  root: Uint8Array,
  key: Uint8Array,
  value: Uint8Array | undefined,
  proof: TreeProof,
): boolean {
  const proven = treeProofRoot(key, value, proof)
  return proven !== undefined && equalBytes(proven, root)
}

/** The root of the tree that such a proof would come from; undefined when no tree gives such a proof. */
export function treeProofRoot(
  key: Uint8Array,
  value: Uint8Array | undefined,
  proof: TreeProof,
): Uint8Array | undefined {
  const { siblings, other } = proof
  if (siblings.length > DEPTH_MAX || !siblings.every(isNodeHash)) return undefined
  let hash = EMPTY
  if (value !== undefined) {
    if (other !== undefined) return undefined
    hash = leafHash(key, value)
  } else if (other !== undefined) {
    if (other.key.length !== 32 || other.value.length !== 32 || equalBytes(other.key, key)) return undefined
    // The other leaf must lie on the key's own path, or it says nothing about the key.
    for (let depth = 0; depth < siblings.length; depth++) {
      if (bitAt(other.key, 0, depth) !== bitAt(key, 0, depth)) return undefined
    }
    hash = leafHash(other.key, other.value)
  }
  for (let depth = siblings.length - 1; depth >= 0; depth--) {
    const sibling = siblings[depth] as Uint8Array
    hash = bitAt(key, 0, depth) === 0 ? hashTwo(hash, sibling) : hashTwo(sibling, hash)
  }
  return hash
}

/** The tag would make the two halves of a leaf look like nodes, and so show what is there as absent. */
function isNodeHash(sibling: Uint8Array): boolean {
  return sibling.length === 32 && !equalBytes(sibling, LEAF_TAG)
}

export function leafHash(key: Uint8Array, value: Uint8Array): Uint8Array {
  return hashTwo(hashTwo(key, value), LEAF_TAG)
}

export function hashTwo(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(64)
  pair.set(left)
  pair.set(right, 32)
  return sha256(pair)
}

/** Room for half as many again: doubling would waste half the memory of a large table. */
export function grownCapacity(capacity: number): number {
  return Math.max(8, capacity + (capacity >> 1))
}

function bitAt(keys: Uint8Array, slot: number, depth: number): number {
  return ((keys[32 * slot + (depth >> 3)] as number) >> (7 - (depth & 7))) & 1
}

function grown<Column extends Int32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from)
  return to
}

function sha256Tag(tag: string): Uint8Array {
  return sha256(utf8(tag))
}
