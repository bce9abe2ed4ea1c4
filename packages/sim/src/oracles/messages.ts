import type { Host } from '../host.ts'
import type { BlockFact, Fact, MessageFact } from '../node-port.ts'
import type { Oracle } from '../oracle.ts'

/**
 * Money and messages of whole nodes: the supply is what it was at every main-shard block; each message is received
 * once, after it was sent, in the order of its channel; one that fails comes back by exactly one bounce, which was sent
 * by the block that refused it, and one that is delivered by none; the main shard anchors each head once, in order, and the
 * one that its shard calls final. In the end everything that was sent before the calm has arrived, and every bounce.
 */
export function messages(): Oracle {
  const blocks = new Map<string, string>()
  const heads = new Map<string, string>()
  const anchored = new Map<number, number>()
  const channels = new Map<string, Channel>()
  let sentByCalm: readonly (readonly [string, number])[] = []

  function channelOf(name: string): Channel {
    const known = channels.get(name)
    if (known !== undefined) return known
    const made: Channel = { sent: 0, received: 0, bounces: new Set(), bouncesOfFailures: new Set() }
    channels.set(name, made)
    return made
  }

  function judge(fact: BlockFact): string | undefined {
    if (fact.supply?.ok === false)
      return `the supply is ${fact.supply.totalMotes} motes as of main height ${fact.height}`
    for (const { shard, height, hash } of fact.anchored) {
      const expected = (anchored.get(shard) ?? 0) + 1
      if (height !== expected)
        return `main height ${fact.height} anchors height ${height} of vShard ${shard}, not ${expected}`
      if (heads.get(`${shard}:${height}`) !== hash)
        return `main height ${fact.height} anchors a head of vShard ${shard} height ${height} that is not final there`
      anchored.set(shard, height)
    }
    for (const message of fact.messages) {
      const problem = message.what === 'sent' ? send(message) : receive(message)
      if (problem !== undefined) return `vShard ${fact.shard} height ${fact.height}: ${problem}`
    }
    return undefined
  }

  function send({ channel, seq, bounce }: MessageFact & { what: 'sent' }): string | undefined {
    const known = channelOf(channel)
    if (seq !== known.sent) return `message ${seq} of ${channel} was sent after ${known.sent - 1}`
    known.sent++
    if (!bounce) return undefined
    if (known.bouncesOfFailures.has(seq)) known.bounces.add(seq)
    else return `message ${seq} of ${channel} returns what no failed message brought`
    return undefined
  }

  function receive({ channel, seq, bounce }: MessageFact & { what: 'received' }): string | undefined {
    const known = channelOf(channel)
    if (seq !== known.received) return `message ${seq} of ${channel} was received where ${known.received} is next`
    if (seq >= known.sent) return `message ${seq} of ${channel} was received and never sent`
    known.received++
    if (bounce === undefined) return undefined
    const [back = '', number = ''] = bounce.split('#')
    if (known.bounces.has(seq)) return `message ${seq} of ${channel} is a bounce and bounced`
    const { bouncesOfFailures } = channelOf(back)
    if (bouncesOfFailures.has(Number(number))) return `two failed messages share the bounce ${bounce}`
    bouncesOfFailures.add(Number(number))
    return undefined
  }

  return {
    name: 'messages',
    told(_host: Host, fact: Fact) {
      if (fact.type !== 'block') return undefined
      const place = `${fact.shard}:${fact.height}`
      const known = blocks.get(place)
      if (known !== undefined) return known === fact.hash ? undefined : `block ${place} is another after a restart`
      blocks.set(place, fact.hash)
      heads.set(place, fact.hash)
      return judge(fact)
    },
    stabilised() {
      sentByCalm = [...channels].map(([name, { sent }]) => [name, sent])
      return undefined
    },
    ended() {
      for (const [name, sent] of sentByCalm) {
        const { received } = channelOf(name)
        if (received < sent) return `${sent - received} messages of ${name} have not arrived after the calm`
      }
      for (const [name, { sent, bouncesOfFailures }] of channels)
        for (const seq of bouncesOfFailures) if (seq >= sent) return `the bounce ${name}#${seq} was never sent`
      return undefined
    },
  }
}

type Channel = {
  sent: number
  received: number
  /** Bounces that were sent on it. */
  readonly bounces: Set<number>
  /** Sequence numbers that failed messages named as their bounce. */
  readonly bouncesOfFailures: Set<number>
}
