import { type Clock, isArmError } from '@armchain/core'
import type { Network, PeerContact, PeerId, TopicSpec } from '../network.ts'
import { directoryKey } from './directory-key.ts'
import { CANDIDATES_MAX } from './limits.ts'
import type { MeshEffect, MeshId, MeshInput, MeshPlanner } from './mesh-planner.ts'

export type MeshKeeperOptions = {
  readonly network: Network
  readonly planner: MeshPlanner
  readonly genesisHash: Uint8Array
  /** The topics of a vShard in an epoch that this node takes part in. */
  readonly topicsOf: (mesh: MeshId) => readonly TopicSpec[]
  readonly clock: Clock
  readonly onWarning: (warning: Extract<MeshEffect, { type: 'warn' }>) => void
}

/**
 * Carries out on a network what a `MeshPlanner` plans. The caller says once a second that time has passed (`tick`), what
 * the node is assigned to, and when an epoch begins.
 */
export class MeshKeeper {
  readonly #options: MeshKeeperOptions
  /** By mesh: peers that the directory has named as members. */
  readonly #named: Map<string, Set<PeerId>> = new Map()

  constructor(options: MeshKeeperOptions) {
    this.#options = options
  }

  /** @param sizes How many members each vShard has, where that is known: a node that knows chooses enough at once. */
  assign(epoch: number, vShards: readonly number[], sizes: ReadonlyMap<number, number> = new Map()): void {
    this.#step({ type: 'assigned', epoch, vShards, sizes })
  }

  begin(epoch: number): void {
    this.#step({ type: 'epoch', epoch })
  }

  /** Members that are known from elsewhere, such as a super node's table of records. */
  found(mesh: MeshId, contacts: readonly PeerContact[]): void {
    const named = this.#named.get(nameOf(mesh))
    for (const { peer } of contacts) {
      if (named === undefined) break
      if (named.size >= CANDIDATES_MAX) named.clear()
      named.add(peer)
    }
    this.#step({ type: 'found', mesh, contacts })
  }

  async tick(): Promise<void> {
    const { network, planner, topicsOf } = this.#options
    const { peers, topics } = await network.stats()
    const connected = peers.map(({ peer }) => peer)
    for (const { epoch, vShard } of planner.memberships) {
      const mesh = { epoch, vShard }
      const names = new Set(topicsOf(mesh).map(({ name }) => name))
      const named = this.#named.get(nameOf(mesh))
      const members = new Set(topics.filter(({ name }) => names.has(name)).flatMap(({ meshPeers }) => meshPeers))
      for (const peer of connected) if (named?.has(peer)) members.add(peer)
      this.#step({ type: 'peers', mesh, peers: [...members] })
    }
    this.#step({ type: 'tick' })
  }

  #step(input: MeshInput): void {
    const { planner, clock } = this.#options
    for (const effect of planner.step(clock.nowMs(), input)) this.#carryOut(effect)
  }

  #carryOut(effect: MeshEffect): void {
    const { network, topicsOf, genesisHash, onWarning } = this.#options
    const { mesh } = effect
    switch (effect.type) {
      case 'join':
        this.#named.set(nameOf(mesh), new Set())
        for (const topic of topicsOf(mesh)) network.join(topic)
        return
      case 'leave':
        this.#named.delete(nameOf(mesh))
        for (const { name } of topicsOf(mesh)) network.leave(name)
        return
      case 'announce':
        void ignoreRefusal(network.announce(directoryKey(genesisHash, mesh.epoch, mesh.vShard)))
        return
      case 'find':
        void ignoreRefusal(this.#find(mesh))
        return
      case 'dial':
        void this.#dial(effect.contact)
        return
      case 'warn':
        onWarning(effect)
    }
  }

  async #find(mesh: MeshId): Promise<void> {
    const { network, genesisHash } = this.#options
    const contacts: PeerContact[] = []
    for await (const contact of network.find(directoryKey(genesisHash, mesh.epoch, mesh.vShard))) contacts.push(contact)
    this.found(mesh, contacts)
  }

  /** By the first of its addresses that answers. */
  async #dial({ peer, addresses }: PeerContact): Promise<void> {
    for (const address of addresses) {
      const reached = await ignoreRefusal(this.#options.network.dial(address))
      if (reached !== peer) continue
      this.#step({ type: 'dialled', peer, outcome: 'connected' })
      return
    }
    this.#step({ type: 'dialled', peer, outcome: 'failed' })
  }
}

/** What the network refuses now is tried again by the planner; anything else is a bug. */
async function ignoreRefusal<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise
  } catch (error) {
    if (isArmError(error) && error.code === 'ARM_NETWORK') return undefined
    throw error
  }
}

function nameOf({ epoch, vShard }: MeshId): string {
  return `${epoch}/${vShard}`
}
