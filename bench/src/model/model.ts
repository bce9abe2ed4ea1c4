/**
 * What a network needs for a rate of transfers, from what one node was measured to use. Everything here is arithmetic;
 * which of the inputs are measured and what is assumed of a network that nobody has run stands in `docs/scaling.md`.
 *
 * Rules:
 * 1. A transfer costs every validator of its shard the same CPU that it costs a testnet's node. A payment between shards
 *    costs the measured price on top, shared evenly by source and destination.
 * 2. A shard takes what its slowest thread takes, the one that executes, at `utilisation` of its time. Signatures and
 *    history have other cores.
 * 3. A validator keeps one vShard and follows the main shard: for each block of each vShard it checks one anchor, and
 *    that costs no more than what a block costs whoever makes it.
 * 4. For each block a validator checks the votes of all seats, one by one, in each of the two rounds.
 * 5. It receives each transaction of its shard twice, when it is spread and in the proposal, and passes on as much.
 */
export type Inputs = {
  /** CPU of a transfer inside a shard, all threads, in microseconds; and of the thread that executes alone. */
  readonly transferUs: number
  readonly mainThreadUs: number
  /** CPU of a payment to another shard beyond that. */
  readonly crossUs: number
  /** CPU of a block without transactions, its anchoring included. */
  readonly blockUs: number
  /** CPU of one vote's signature. */
  readonly voteUs: number
  readonly transferBytes: number
  readonly voteBytes: number
  /** An anchor without its certificate, and the bytes that each signer adds to a certificate. */
  readonly anchorBytes: number
  readonly signerBytes: number
  /** History of a transfer; and of a payment to another shard, both ends and the anchoring together. */
  readonly historyBytes: number
  readonly crossHistoryBytes: number
  /** What a payment to another shard brings into the destination's blocks. */
  readonly messageBytes: number
}

export type Assumptions = {
  /** Seats of each shard's committee, the main shard's included. */
  readonly seats: number
  readonly blockSeconds: number
  /** Part of the executing thread's time that may be used. */
  readonly utilisation: number
  /** Part of transfers that go to another shard; `uniform` where receivers are anywhere. */
  readonly cross: number | 'uniform'
}

export type Need = {
  readonly tps: number
  readonly vShards: number
  readonly crossPart: number
  readonly nodes: number
  /** CPU cores busy on one validator, and whole cores over all of them. */
  readonly coresPerNode: number
  readonly cores: number
  /** Average of a validator, each way; and of a leader while it sends a proposal to all. */
  readonly megabitsPerNode: number
  readonly leaderMegabits: number
  /** Of the main shard's blocks: the anchors alone. */
  readonly mainBlockKiB: number
  readonly gigabytesPerNodeDay: number
}

const ROUNDS = 2

export function needFor(tps: number, inputs: Inputs, assumptions: Assumptions): Need {
  const vShards = shardsFor(tps, inputs, assumptions)
  const { seats, blockSeconds } = assumptions
  const crossPart = crossPartOf(vShards, assumptions)
  const shardTps = tps / vShards
  const perSecond = 1 / blockSeconds
  const usedUs =
    shardTps * (inputs.transferUs + crossPart * inputs.crossUs) +
    perSecond * (1 + vShards) * inputs.blockUs +
    perSecond * ROUNDS * 2 * seats * inputs.voteUs
  const coresPerNode = usedUs / 1e6
  const nodes = seats * (vShards + 1)
  const certificateBytes = quorum(seats) * inputs.signerBytes + seats / 8
  const mainBlockBytes = vShards * (inputs.anchorBytes + certificateBytes)
  const shardBytes = shardTps * (inputs.transferBytes + crossPart * inputs.messageBytes)
  const votesBytes = perSecond * ROUNDS * 2 * seats * inputs.voteBytes
  const bytesPerSecond = 2 * shardBytes + votesBytes + perSecond * 2 * mainBlockBytes
  const historyPerTransfer = (1 - crossPart) * inputs.historyBytes + crossPart * inputs.crossHistoryBytes
  return {
    tps,
    vShards,
    crossPart,
    nodes,
    coresPerNode,
    cores: nodes * Math.ceil(coresPerNode),
    megabitsPerNode: (8 * bytesPerSecond) / 1e6,
    leaderMegabits: (8 * (seats - 1) * shardBytes) / 1e6,
    mainBlockKiB: mainBlockBytes / 1024,
    gigabytesPerNodeDay: (86_400 * (shardTps * historyPerTransfer + perSecond * mainBlockBytes)) / 1e9,
  }
}

/** The fewest vShards whose executing threads keep up. */
function shardsFor(tps: number, inputs: Inputs, assumptions: Assumptions): number {
  // Of what a transfer costs, the executing thread's part; the same part of the price of crossing.
  const mainPart = inputs.mainThreadUs / inputs.transferUs
  for (let vShards = 1; ; vShards++) {
    const crossUs = crossPartOf(vShards, assumptions) * inputs.crossUs * mainPart
    const fixedUs = ((1 + vShards) * inputs.blockUs) / assumptions.blockSeconds
    const leftUs = assumptions.utilisation * 1e6 - fixedUs
    if (leftUs <= 0) throw new RangeError(`${tps} transfers a second: the anchors alone take all of a thread`)
    if ((tps / vShards) * (inputs.mainThreadUs + crossUs) <= leftUs) return vShards
  }
}

function crossPartOf(vShards: number, { cross }: Assumptions): number {
  if (vShards === 1) return 0
  return cross === 'uniform' ? 1 - 1 / vShards : cross
}

/** More than two thirds of equal seats. */
function quorum(seats: number): number {
  return Math.floor((2 * seats) / 3) + 1
}
