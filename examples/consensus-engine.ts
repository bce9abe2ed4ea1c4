// A consensus engine of one's own, and the suite that says whether it is one. Seat 0 orders; a block is final when more
// than half of the seats have made it durable. Seats crash and come back; while seat 0 is down, nothing is decided.
import {
  type ConsensusEngine,
  type EngineConfig,
  type EngineEffect,
  type EngineInput,
  FINALIZE,
  finalCertificateCodec,
  linkOf,
  type Statements,
  signerBitmap,
  statementsOf,
  verifyCertificate,
  weightOf,
} from '@armchain/consensus'
import { engineAcceptance } from '@armchain/consensus/testing'
import { blob, compile, equalBytes, headHash, isArmError, struct, u53 } from '@armchain/core'

type Block = { readonly view: number; readonly height: number; readonly head: Uint8Array; readonly payload: Uint8Array }
/** A block to sign (no proof), or a final one (its certificate); from a seat to the sequencer, its signature. */
type Message = Block & { readonly kind: number; readonly proof: Uint8Array }

const BLOCK = 1
const FINAL = 2
const SIGNATURE = 3
const codec = compile<Message>(
  struct(
    ['kind', u53],
    ['view', u53],
    ['height', u53],
    ['head', blob(512)],
    ['payload', blob(65_536)],
    ['proof', blob(65_535)],
  ),
)
const EMPTY = new Uint8Array(0)
const ROOT = new Uint8Array(32)
const SAY_AGAIN_MS = 150

class SequencedEngine implements ConsensusEngine {
  readonly name = 'sequenced'
  readonly #config: EngineConfig
  readonly #statements: Statements
  readonly #isSequencer: boolean
  readonly #signatures: Map<number, Uint8Array> = new Map()
  #tip: { height: number; hash: Uint8Array }
  #open: Block | undefined
  #asked = false
  #nextBlockMs = 0
  #lastFinal: Message | undefined
  #effects: EngineEffect[] = []

  constructor(config: EngineConfig) {
    const { epoch, self } = config
    this.#config = config
    this.#statements = statementsOf({ ...config, epoch: epoch.number })
    this.#isSequencer = self?.index === 0
    this.#tip = { height: epoch.startHeight, hash: epoch.startHash }
  }

  step(nowMs: number, input: EngineInput): readonly EngineEffect[] {
    this.#effects = []
    switch (input.type) {
      case 'start':
        this.#start(nowMs, input)
        break
      case 'timer':
        this.#beat(nowMs)
        break
      case 'proposed':
        this.#proposed(nowMs, input)
        break
      case 'verified':
        if (input.valid && this.#isOpen(input.headHash)) this.#sign(this.#open as Block)
        break
      case 'synced':
        if (input.height > this.#tip.height) this.#moveTo(input.height, input.headHash)
        break
      case 'message':
        this.#message(nowMs, input.from, input.bytes)
    }
    return this.#effects
  }

  #start(nowMs: number, { height, headHash: hash, records }: EngineInput & { type: 'start' }): void {
    const { self } = this.#config
    this.#moveTo(height, hash)
    if (!this.#isSequencer || self === undefined) return
    for (const record of records) {
      const block = codec.decode(record)
      if (block.height === height + 1) this.#open = block
    }
    // Signed before the crash, and signed again: the same block, so the same statement.
    if (this.#open !== undefined) this.#signatures.set(self.index, self.sign(this.#statement(this.#open)))
    this.#beat(nowMs)
  }

  #beat(nowMs: number): void {
    const { pace, epoch } = this.#config
    const height = this.#tip.height + 1
    if (this.#open !== undefined) this.#send('all', { ...this.#open, kind: BLOCK, proof: EMPTY })
    else if (this.#lastFinal !== undefined && nowMs < this.#nextBlockMs) this.#send('all', this.#lastFinal)
    if (this.#open === undefined && !this.#asked && nowMs >= this.#nextBlockMs) {
      this.#asked = true
      this.#effects.push({ type: 'propose', view: height, epoch: epoch.number, height, parent: this.#tip.hash })
    }
    const waitMs = this.#open === undefined ? pace.blockTimeMs : SAY_AGAIN_MS
    this.#effects.push({ type: 'timer', id: 1, atMs: nowMs + waitMs })
  }

  #proposed(nowMs: number, { view, height, head, payload }: EngineInput & { type: 'proposed' }): void {
    if (!this.#asked || height !== this.#tip.height + 1) return
    this.#asked = false
    if (head === undefined || payload === undefined) return
    this.#open = { view, height, head, payload }
    this.#sign(this.#open)
    this.#send('all', { ...this.#open, kind: BLOCK, proof: EMPTY })
    this.#decideIfSigned(nowMs)
  }

  #message(nowMs: number, from: number, bytes: Uint8Array): void {
    try {
      this.#receive(nowMs, from, codec.decode(bytes))
    } catch (error) {
      if (!isArmError(error)) throw error
      this.#effects.push({ type: 'misconduct', peer: from, reason: 'a message that is malformed' })
    }
  }

  #receive(nowMs: number, from: number, { kind, view, height, head, payload, proof }: Message): void {
    const next = this.#tip.height + 1
    const block = { view, height, head, payload }
    if (kind === SIGNATURE) {
      this.#count(nowMs, from, head, proof)
    } else if (height > next) {
      this.#effects.push({ type: 'fetch', fromHeight: next, toHeight: height - 1 })
    } else if (height < next) {
      if (kind === BLOCK && this.#lastFinal !== undefined) this.#send(from, this.#lastFinal)
    } else if (!this.#config.commits(head, payload)) {
      this.#effects.push({ type: 'misconduct', peer: from, reason: 'a payload that is not that of the head' })
    } else if (kind === FINAL) {
      if (verifyCertificate(head, proof, this.#config).ok) this.#finalise(block, proof)
    } else if (from === 0) {
      this.#open = block
      this.#effects.push({ type: 'verify', ...block, headHash: headHash(head), parent: this.#tip.hash })
    }
  }

  #count(nowMs: number, from: number, head: Uint8Array, signature: Uint8Array): void {
    const { seats, scheme } = this.#config.committee
    const key = seats[from]?.key
    if (key === undefined || !this.#isOpen(headHash(head))) return
    if (!scheme.verifyVote(key, this.#statement(this.#open as Block), signature)) return
    this.#signatures.set(from, signature)
    this.#decideIfSigned(nowMs)
  }

  /** Signs for good: the block is durable before the signature is out, and there is one block a height. */
  #sign(block: Block): void {
    const { self } = this.#config
    if (self === undefined) return
    this.#effects.push({ type: 'append', record: codec.encode({ ...block, kind: BLOCK, proof: EMPTY }) })
    const signature = self.sign(this.#statement(block))
    if (this.#isSequencer) this.#signatures.set(self.index, signature)
    else this.#send(0, { ...block, kind: SIGNATURE, payload: EMPTY, proof: signature })
  }

  #decideIfSigned(nowMs: number): void {
    const { committee, pace } = this.#config
    const signers = [...this.#signatures.keys()].sort((a, b) => a - b)
    if (this.#open === undefined || weightOf(committee, signers) < committee.quorumWeight) return
    const certificate = finalCertificateCodec.encode({
      scheme: committee.scheme.id,
      parentLink: ROOT,
      view: this.#open.view,
      path: [],
      signers: signerBitmap(signers, committee.seats.length),
      proof: committee.scheme.assemble(signers.map((index) => this.#signatures.get(index) as Uint8Array)),
    })
    this.#nextBlockMs = nowMs + pace.blockTimeMs
    this.#send('all', this.#finalise(this.#open, certificate))
  }

  #finalise(block: Block, certificate: Uint8Array): Message {
    const hash = headHash(block.head)
    this.#effects.push({ type: 'finalized', headHash: hash, certificate, ...block })
    // The shell has the block from here on: what was signed for it need not be remembered.
    this.#effects.push({ type: 'checkpoint', records: [] })
    this.#lastFinal = { ...block, kind: FINAL, proof: certificate }
    this.#moveTo(block.height, hash)
    return this.#lastFinal
  }

  #moveTo(height: number, hash: Uint8Array): void {
    this.#tip = { height, hash }
    this.#open = undefined
    this.#asked = false
    this.#signatures.clear()
  }

  #isOpen(hash: Uint8Array): boolean {
    return this.#open !== undefined && equalBytes(headHash(this.#open.head), hash)
  }

  #statement({ view, height, head }: Block): Uint8Array {
    return this.#statements(FINALIZE, view, linkOf(ROOT, view, height, headHash(head)))
  }

  #send(to: number | 'all', message: Message): void {
    this.#effects.push({ type: 'send', to, bytes: codec.encode(message) })
  }
}

for (const { name, run } of engineAcceptance) {
  const reports = run({
    factory: (config) => new SequencedEngine(config),
    faults: 'crash',
    sizes: [1, 3, 5],
    claims: [],
  })
  const blocks = reports.reduce((sum, { height }) => sum + height, 0)
  console.log(
    reports.length === 0 ? `not claimed: ${name}` : `passed: ${name} (${reports.length} runs, ${blocks} blocks)`,
  )
}
