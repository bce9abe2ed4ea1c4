import { createRpcClient, type RpcClient } from '@armchain/client'
import { ArmError, formatAddress, sha256, utf8 } from '@armchain/core'

export type ChaosOptions = {
  /** Faults, one after the other. */
  readonly rounds: number
  /** The same faults in the same order for the same seed. */
  readonly seed: number
  /** Milliseconds that each lasts. */
  readonly holdMs: number
  readonly onProgress?: (line: string) => void
}

export type ChaosReport = {
  readonly seed: number
  readonly rounds: readonly ChaosRound[]
  /** Payments that were accepted meanwhile; all of them are in blocks now. */
  readonly payments: number
}

export type ChaosRound = {
  readonly fault: string
  /** Whether the others are enough to decide meanwhile. */
  readonly tolerable: boolean
  /** Main-shard blocks meanwhile. */
  readonly blocks: number
  /** From the end of the fault until every validator holds the same chain, a main-shard block beyond where any had it. */
  readonly healedMs: number
}

type Validators = Awaited<ReturnType<typeof listValidators>>
type Fault = {
  readonly name: string
  readonly victims: readonly number[]
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

const HEAL_MS_MAX = 60_000
/** For a block while some are faulty, after the time that the fault lasts anyway. */
const BLOCK_MS_MAX = 30_000
const POLL_MS = 50
const PAY_EVERY_MS = 150
const RECEIPT_MS_MAX = 60_000

/**
 * Has validators of a running testnet crash, stand still and lose each other, with payments under way, and checks that
 * it goes on where enough are well, and heals in any case: every validator then has the same chain, with every payment
 * that was accepted.
 *
 * @throws ArmError ARM_CHAOS if it does not; ARM_DEV_ONLY or ARM_RPC_METHOD where the node is no testnet of several.
 */
export async function runChaos(rpc: RpcClient, options: ChaosOptions): Promise<ChaosReport> {
  const { rounds: count, seed, holdMs, onProgress = () => {} } = options
  const random = createRandom(seed)
  const { validators } = await listValidators(rpc)
  if (validators.length < 4)
    throw new ArmError('ARM_CHAOS', `a testnet of ${validators.length} validators bears no fault`, {
      hint: 'start one with --validators 4',
    })
  onProgress(`${validators.length} validators, of which ${tolerated(validators.length)} may fail; seed ${seed}`)
  await using payments = new Payments(rpc, await payeesOf(rpc))
  const rounds: ChaosRound[] = []
  for (let round = 1; round <= count; round++) {
    const fault = drawFault(rpc, await listValidators(rpc), random)
    onProgress(`round ${round}: ${fault.name}`)
    const done = await runRound(rpc, fault, holdMs)
    onProgress(`         ${done.blocks} main-shard blocks meanwhile, healed after ${done.healedMs} ms`)
    rounds.push(done)
  }
  onProgress('waiting for the payments')
  return { seed, rounds, payments: await payments.settle() }
}

async function runRound(rpc: RpcClient, fault: Fault, holdMs: number): Promise<ChaosRound> {
  const { validators } = await listValidators(rpc)
  const tolerable = fault.victims.length <= tolerated(validators.length)
  const before = await heightOfOthers(rpc, fault.victims)
  await fault.begin()
  await sleep(holdMs)
  let blocks = (await heightOfOthers(rpc, fault.victims)) - before
  // A machine that is busy may take its time over it.
  const untilMs = performance.now() + BLOCK_MS_MAX
  while (tolerable && blocks === 0 && performance.now() < untilMs) {
    await sleep(POLL_MS)
    blocks = (await heightOfOthers(rpc, fault.victims)) - before
  }
  await fault.end()
  if (tolerable && blocks === 0)
    throw new ArmError('ARM_CHAOS', `no block during "${fault.name}", though enough validators were well`, {
      waitedMs: holdMs + BLOCK_MS_MAX,
      hint: 'look at dev_validators and the log of the testnet, and report them with the seed',
    })
  return { fault: fault.name, tolerable, blocks, healedMs: await healed(rpc) }
}

function drawFault(rpc: RpcClient, { self, validators }: Validators, random: Random): Fault {
  const all = validators.map(({ validator }) => validator)
  const others = shuffled(
    all.filter((validator) => validator !== self),
    random,
  )
  const few = others.slice(0, tolerated(all.length))
  const list = (victims: readonly number[]): string => victims.join(', ')
  const act = (victims: readonly number[], action: 'kill' | 'restart' | 'pause' | 'resume') => () =>
    Promise.all(victims.map((validator) => rpc.call('dev_fault', { validator, action })))
  const split = (side: readonly number[]): Fault['begin'] => {
    const rest = all.filter((validator) => !side.includes(validator))
    return () => rpc.call('dev_partition', { groups: [[...side], rest] })
  }
  const heal: Fault['end'] = () => rpc.call('dev_heal')
  const cut = shuffled(all, random).slice(0, tolerated(all.length))
  const many = shuffled(all, random).slice(0, Math.ceil(all.length / 2))
  const faults: readonly Fault[] = [
    { name: `kill ${list(few)}`, victims: few, begin: act(few, 'kill'), end: act(few, 'restart') },
    { name: `pause ${list(few)}`, victims: few, begin: act(few, 'pause'), end: act(few, 'resume') },
    { name: `cut off ${list(cut)}`, victims: cut, begin: split(cut), end: heal },
    { name: `split ${list(many)} from the rest`, victims: many, begin: split(many), end: heal },
    { name: `kill all but ${self}`, victims: others, begin: act(others, 'kill'), end: act(others, 'restart') },
  ]
  return faults[random(faults.length)] as Fault
}

/** Highest main-shard block of those that are not to suffer. */
async function heightOfOthers(rpc: RpcClient, victims: readonly number[]): Promise<number> {
  const { validators } = await listValidators(rpc)
  return Math.max(0, ...validators.filter((each) => !victims.includes(each.validator)).map(mainHeight))
}

/** Milliseconds until every validator is as far as any is now and a main-shard block further, with the same heads. */
async function healed(rpc: RpcClient): Promise<number> {
  const start = performance.now()
  const { validators } = await listValidators(rpc)
  const goals = new Map<number, number>()
  for (const { heights } of validators)
    for (const { vShard, height } of heights)
      goals.set(vShard, Math.max(height + (vShard === 0 ? 1 : 0), goals.get(vShard) ?? 0))
  for (;;) {
    const { validators: now } = await listValidators(rpc)
    const behind = now.filter(
      ({ state, heights }) =>
        state !== 'running' || heights.some(({ vShard, height }) => height < (goals.get(vShard) ?? 0)),
    )
    if (behind.length === 0) {
      await compareHeads(now, goals)
      return Math.round(performance.now() - start)
    }
    if (performance.now() - start > HEAL_MS_MAX)
      throw new ArmError(
        'ARM_CHAOS',
        `validators ${behind.map(({ validator }) => validator).join(', ')} did not catch up`,
        {
          waitedMs: HEAL_MS_MAX,
          hint: 'look at dev_validators and the log of the testnet, and report them with the seed',
        },
      )
    await sleep(POLL_MS)
  }
}

async function compareHeads(validators: Validators['validators'], goals: ReadonlyMap<number, number>): Promise<void> {
  for (const [vShard, height] of goals) {
    const hashes = await Promise.all(
      validators.map(async ({ rpcUrl }) => {
        await using own = createRpcClient({ url: rpcUrl })
        return (await headAt(own, vShard, height)).hash
      }),
    )
    if (new Set(hashes).size > 1)
      throw new ArmError('ARM_CHAOS', `validators disagree on height ${height} of vShard ${vShard}`, {
        hashes,
        hint: 'this must not happen: keep the data folders and report it',
      })
  }
}

/** A validator may have taken a block and not shown it yet, as it is not on its disk. */
async function headAt(rpc: RpcClient, vShard: number, height: number): Promise<{ readonly hash: string }> {
  for (let tries = 0; ; tries++) {
    try {
      return await rpc.call('arm_getHead', { vShard, height })
    } catch (error) {
      if (tries === 100) throw error
      await sleep(20)
    }
  }
}

/** Pays a mote now and then, so that there is something to decide on and to lose. */
class Payments implements AsyncDisposable {
  readonly #rpc: RpcClient
  readonly #payees: readonly string[]
  readonly #ids: string[] = []
  readonly #paying: Promise<void>
  #stopped = false

  constructor(rpc: RpcClient, payees: readonly string[]) {
    this.#rpc = rpc
    this.#payees = payees
    this.#paying = this.#pay()
  }

  /** Stops, and resolves when all that were accepted are in blocks; with how many. */
  async settle(): Promise<number> {
    await this[Symbol.asyncDispose]()
    for (const txId of this.#ids)
      await this.#rpc.call(
        'arm_waitForReceipt',
        { txId, timeoutMs: RECEIPT_MS_MAX },
        { timeoutMs: RECEIPT_MS_MAX + 5_000 },
      )
    return this.#ids.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#paying
  }

  async #pay(): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const address = this.#payees[i % this.#payees.length] as string
      try {
        this.#ids.push((await this.#rpc.call('dev_faucet', { address, amountMotes: '1' })).txId)
      } catch {
        // One that is refused is no loss: nothing was promised.
      }
      await sleep(PAY_EVERY_MS)
    }
  }
}

async function payeesOf(rpc: RpcClient): Promise<readonly string[]> {
  const { shards, addressPrefix } = await rpc.call('arm_network')
  const account = sha256(utf8('paid in chaos'))
  return shards.map(({ vShard }) => formatAddress({ account, vShard }, addressPrefix))
}

function listValidators(rpc: RpcClient) {
  return rpc.call('dev_validators')
}

function mainHeight({ heights }: Validators['validators'][number]): number {
  return heights.find(({ vShard }) => vShard === 0)?.height ?? 0
}

/** Of so many validators, how many may fail in any way. */
function tolerated(validators: number): number {
  return Math.ceil(validators / 3) - 1
}

type Random = (below: number) => number

/** mulberry32. */
function createRandom(seed: number): Random {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) % below
  }
}

function shuffled(items: readonly number[], random: Random): readonly number[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = random(i + 1)
    const item = order[i] as number
    order[i] = order[j] as number
    order[j] = item
  }
  return order
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
