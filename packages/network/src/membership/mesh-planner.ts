import { ArmError } from '@armchain/core'
import type { PeerContact, PeerId } from '../network.ts'
import { chosenForRisk, meshSplitRisk } from '../overlay/bounds.ts'
import type { Draw } from './draw.ts'
import {
  ANNOUNCE_MS,
  CANDIDATES_MAX,
  CHOSEN_MAX,
  CHOSEN_MIN,
  DIALS_MAX,
  FIND_MS,
  FIND_QUIET_MS,
  HOLD_EPOCHS,
  HOLD_MS,
  MEMBERSHIPS_MAX,
  MESH_FAILED_SHARE,
  MESH_SPLIT_RISK,
  REDIAL_MS,
  REDIAL_MS_MAX,
  UNSAFE_MS,
} from './limits.ts'

/**
 * Which meshes a node is in, and which of their members it is connected to by its own choice (requirements B1, B3). Pure:
 * told what happened, it says what to do.
 *
 * Rules:
 * 1. A mesh is one vShard in one epoch. A node joins as soon as it knows its assignment, also ahead of the epoch.
 * 2. In each it keeps `wantedPeers` members that it chose itself at random: with a third of the members failed at once,
 *    and nobody having chosen anew, the chance of a split is below `MESH_SPLIT_RISK` (`meshSplitRisk`). Members that
 *    chose it come on top.
 * 3. Make before break: after an epoch has begun, a mesh of an earlier one is left when all of the new ones have their
 *    peers and `HOLD_MS` have passed, and after `HOLD_EPOCHS` in any case.
 * 4. Who is lost is replaced from the known members; while they are too few the directory is asked every `FIND_MS`, else
 *    every `FIND_QUIET_MS`, for there are always new ones.
 */
export class MeshPlanner {
  readonly #self: PeerId
  readonly #draw: Draw
  readonly #meshes: Map<string, Mesh> = new Map()
  readonly #waits: Map<PeerId, { failures: number; untilMs: number }> = new Map()
  #epoch = 0
  #epochMs = 0

  constructor(self: PeerId, draw: Draw) {
    this.#self = self
    this.#draw = draw
  }

  /** Meshes that it is in now. */
  get memberships(): readonly (MeshId & { readonly peers: number; readonly wanted: number })[] {
    return [...this.#meshes.values()].map((mesh) => ({ ...mesh.id, peers: mesh.peers.size, wanted: wantedOf(mesh) }))
  }

  /** @throws ArmError ARM_ARGUMENT for an assignment to more than `MEMBERSHIPS_MAX` vShards. */
  step(nowMs: number, input: MeshInput): MeshEffect[] {
    switch (input.type) {
      case 'assigned':
        if (input.vShards.length > MEMBERSHIPS_MAX)
          throw new ArmError('ARM_ARGUMENT', `vShards: more than ${MEMBERSHIPS_MAX}`, { count: input.vShards.length })
        return input.vShards.flatMap((vShard) =>
          this.#join({ epoch: input.epoch, vShard }, input.sizes?.get(vShard) ?? 0, nowMs),
        )
      case 'epoch':
        if (input.epoch > this.#epoch) {
          this.#epoch = input.epoch
          this.#epochMs = nowMs
        }
        return this.#leave(nowMs)
      case 'found':
        return this.#found(input, nowMs)
      case 'peers': {
        const mesh = this.#meshes.get(nameOf(input.mesh))
        if (mesh === undefined) return []
        mesh.peers = new Set(input.peers)
        for (const peer of mesh.chosen) if (!mesh.peers.has(peer)) mesh.chosen.delete(peer)
        return this.#choose(mesh, nowMs)
      }
      case 'dialled':
        return this.#dialled(input, nowMs)
      case 'tick':
        return [...[...this.#meshes.values()].flatMap((mesh) => this.#tend(mesh, nowMs)), ...this.#leave(nowMs)]
    }
  }

  #join(id: MeshId, expected: number, nowMs: number): MeshEffect[] {
    if (id.epoch < this.#epoch || this.#meshes.has(nameOf(id))) return []
    const mesh: Mesh = {
      id,
      expected,
      candidates: new Map(),
      peers: new Set(),
      chosen: new Set(),
      dialing: new Set(),
      findMs: nowMs + FIND_MS,
      announceMs: nowMs + ANNOUNCE_MS,
      unsafeMs: undefined,
    }
    this.#meshes.set(nameOf(id), mesh)
    return [
      { type: 'join', mesh: id },
      { type: 'announce', mesh: id },
      { type: 'find', mesh: id },
    ]
  }

  #found({ mesh: id, contacts }: Extract<MeshInput, { type: 'found' }>, nowMs: number): MeshEffect[] {
    const mesh = this.#meshes.get(nameOf(id))
    if (mesh === undefined) return []
    for (const contact of contacts) {
      if (contact.peer === this.#self) continue
      // The oldest make way: whoever is still a member is found again.
      mesh.candidates.delete(contact.peer)
      mesh.candidates.set(contact.peer, contact)
      const [oldest] = mesh.candidates.keys()
      if (mesh.candidates.size > CANDIDATES_MAX && oldest !== undefined) mesh.candidates.delete(oldest)
    }
    return this.#choose(mesh, nowMs)
  }

  #dialled({ peer, outcome }: Extract<MeshInput, { type: 'dialled' }>, nowMs: number): MeshEffect[] {
    if (outcome === 'connected') this.#waits.delete(peer)
    else {
      const failures = (this.#waits.get(peer)?.failures ?? 0) + 1
      const waitMs = Math.min(REDIAL_MS_MAX, REDIAL_MS * 2 ** Math.min(failures - 1, 30))
      this.#waits.set(peer, { failures, untilMs: nowMs + waitMs / 2 + this.#draw(waitMs) })
    }
    return [...this.#meshes.values()].flatMap((mesh) => {
      if (!mesh.dialing.delete(peer)) return []
      if (outcome === 'connected') {
        mesh.peers.add(peer)
        mesh.chosen.add(peer)
      }
      return this.#choose(mesh, nowMs)
    })
  }

  /** Chooses among the known members until there are enough, at random: that is what the bound stands on. */
  #choose(mesh: Mesh, nowMs: number): MeshEffect[] {
    const effects: MeshEffect[] = []
    const open = [...mesh.candidates.values()].filter(
      ({ peer }) => !mesh.chosen.has(peer) && !mesh.dialing.has(peer) && (this.#waits.get(peer)?.untilMs ?? 0) <= nowMs,
    )
    const wanted = wantedOf(mesh)
    while (open.length > 0 && mesh.chosen.size + mesh.dialing.size < wanted && mesh.dialing.size < DIALS_MAX) {
      const [contact] = open.splice(this.#draw(open.length), 1) as [PeerContact]
      // One that is connected already, by its own choice or for another mesh, is chosen without a dial.
      if (mesh.peers.has(contact.peer)) mesh.chosen.add(contact.peer)
      else {
        mesh.dialing.add(contact.peer)
        effects.push({ type: 'dial', contact, mesh: mesh.id })
      }
    }
    return effects
  }

  /** What is due in one mesh. */
  #tend(mesh: Mesh, nowMs: number): MeshEffect[] {
    const effects = this.#choose(mesh, nowMs)
    const others = membersOf(mesh) - 1
    const isShort = mesh.chosen.size + mesh.dialing.size < Math.min(wantedOf(mesh), Math.max(1, others))
    if (isShort && mesh.findMs > nowMs + FIND_MS) mesh.findMs = nowMs + FIND_MS
    if (nowMs >= mesh.findMs) {
      const everyMs = isShort ? FIND_MS : FIND_QUIET_MS
      mesh.findMs = nowMs + everyMs / 2 + this.#draw(everyMs)
      effects.push({ type: 'find', mesh: mesh.id })
    }
    if (nowMs >= mesh.announceMs) {
      mesh.announceMs = nowMs + ANNOUNCE_MS
      effects.push({ type: 'announce', mesh: mesh.id })
    }
    const warning = this.#warning(mesh, nowMs)
    return warning === undefined ? effects : [...effects, warning]
  }

  /** Once, when the bound has not held for `UNSAFE_MS`; again if it held in between. */
  #warning(mesh: Mesh, nowMs: number): MeshEffect | undefined {
    const members = membersOf(mesh)
    const failed = Math.floor(members * MESH_FAILED_SHARE)
    const chosen = mesh.chosen.size
    const risk = meshSplitRisk({ members, chosen: Math.max(1, chosen), failed })
    if (risk <= MESH_SPLIT_RISK || chosen >= members - 1) {
      mesh.unsafeMs = undefined
      return undefined
    }
    mesh.unsafeMs ??= nowMs
    if (nowMs - mesh.unsafeMs < UNSAFE_MS) return undefined
    mesh.unsafeMs = Number.POSITIVE_INFINITY
    return { type: 'warn', mesh: mesh.id, members, chosen, risk }
  }

  #leave(nowMs: number): MeshEffect[] {
    const all = [...this.#meshes.values()]
    const current = all.filter(({ id }) => id.epoch === this.#epoch)
    const ready = current.length > 0 && current.every(isReady)
    const effects: MeshEffect[] = []
    for (const { id } of all) {
      const isOver = id.epoch + HOLD_EPOCHS <= this.#epoch
      if (id.epoch >= this.#epoch || !(isOver || (ready && nowMs >= this.#epochMs + HOLD_MS))) continue
      this.#meshes.delete(nameOf(id))
      effects.push({ type: 'leave', mesh: id })
    }
    return effects
  }
}

/** One vShard in one epoch. */
export type MeshId = { readonly epoch: number; readonly vShard: number }

export type MeshInput =
  /** The vShards of this node in an epoch: this one, or the next; and how many members each has, where that is known. */
  | {
      readonly type: 'assigned'
      readonly epoch: number
      readonly vShards: readonly number[]
      readonly sizes?: ReadonlyMap<number, number>
    }
  | { readonly type: 'epoch'; readonly epoch: number }
  /** Members that the directory or a super node's table names. */
  | { readonly type: 'found'; readonly mesh: MeshId; readonly contacts: readonly PeerContact[] }
  /** All members that are connected now, whoever chose. */
  | { readonly type: 'peers'; readonly mesh: MeshId; readonly peers: readonly PeerId[] }
  | { readonly type: 'dialled'; readonly peer: PeerId; readonly outcome: 'connected' | 'failed' }
  /** Once a second or so. */
  | { readonly type: 'tick' }

export type MeshEffect =
  | { readonly type: 'join' | 'leave' | 'announce' | 'find'; readonly mesh: MeshId }
  | { readonly type: 'dial'; readonly mesh: MeshId; readonly contact: PeerContact }
  /** For the operator: the mesh may split more easily than it should. */
  | {
      readonly type: 'warn'
      readonly mesh: MeshId
      readonly members: number
      readonly chosen: number
      readonly risk: number
    }

type Mesh = {
  readonly id: MeshId
  /** Members that the mesh should have; 0 if nobody has said. */
  readonly expected: number
  /** Members that are known, oldest news first. */
  readonly candidates: Map<PeerId, PeerContact>
  peers: Set<PeerId>
  /** Of those that are connected, the ones that this node chose. */
  readonly chosen: Set<PeerId>
  readonly dialing: Set<PeerId>
  findMs: number
  announceMs: number
  /** Since when the bound does not hold; infinite once that was said. */
  unsafeMs: number | undefined
}

/** Peers that each member of a mesh chooses, for as many members as there are. */
export function wantedPeers(members: number): number {
  const known = wantedByMembers.get(members)
  if (known !== undefined) return known
  const failed = Math.floor(members * MESH_FAILED_SHARE)
  const wanted = Math.min(CHOSEN_MAX, Math.max(CHOSEN_MIN, chosenForRisk({ members, failed }, MESH_SPLIT_RISK)))
  wantedByMembers.set(members, wanted)
  return wanted
}

/** It is asked for again and again, of at most `CANDIDATES_MAX` numbers. */
const wantedByMembers: Map<number, number> = new Map()

/** Enough peers to be part of the mesh; of a smaller one all that are known, of whom there is one at least. */
function isReady(mesh: Mesh): boolean {
  const others = membersOf(mesh) - 1
  return mesh.chosen.size > 0 && mesh.chosen.size >= Math.min(CHOSEN_MIN, others)
}

/** As many as are known or expected, whichever is more: a node cannot know all of a large vShard. */
function membersOf({ candidates, peers, expected }: Mesh): number {
  let members = candidates.size + 1
  for (const peer of peers) if (!candidates.has(peer)) members++
  return Math.max(members, expected)
}

function wantedOf(mesh: Mesh): number {
  return wantedPeers(Math.min(CANDIDATES_MAX, membersOf(mesh)))
}

function nameOf({ epoch, vShard }: MeshId): string {
  return `${epoch}/${vShard}`
}
