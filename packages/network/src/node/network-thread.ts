import type { MessagePort } from 'node:worker_threads'
import type { Network, NetworkStats, Verdict } from '../network.ts'
import type { NetworkLog } from './options.ts'
import { type FromThread, failureOf, type ThreadCall, type ToThread } from './thread-items.ts'
import { ThreadPort, unpack } from './thread-port.ts'

const ADDRESSES_EVERY_MS = 1_000

/** The far side of `ThreadNetwork`: does on a network what the node's thread asks, and tells it what has come. */
export class NetworkThread {
  readonly log: NetworkLog
  readonly #port: MessagePort
  readonly #out: ThreadPort<FromThread>
  readonly #verdicts: Map<number, (verdict: Verdict) => void> = new Map()
  readonly #answers: Map<number, (answer: Uint8Array | undefined) => void> = new Map()
  readonly #calls: Map<number, AbortController> = new Map()
  #nextId = 0

  constructor(port: MessagePort) {
    this.#port = port
    // Once what one look at the sockets has brought is read.
    this.#out = new ThreadPort(port, (flush) => setImmediate(flush))
    this.log = (level, message, data) => this.#out.post({ type: 'log', line: [level, message, data] })
  }

  serve(network: Network): void {
    network.listen(({ on, from, bytes }) => {
      const id = this.#nextId++
      this.#out.post({ type: 'message', id, on, from }, bytes)
      return new Promise((resolve) => this.#verdicts.set(id, resolve))
    })
    network.watch((peer, state) => this.#out.post({ type: 'watch', peer, state }))
    this.#port.on('message', (batch) => {
      let takenBytes = 0
      unpack<ToThread>(batch, (item, bytes) => {
        takenBytes += bytes?.length ?? 0
        this.#do(network, item, bytes)
      })
      if (takenBytes > 0) this.#out.post({ type: 'taken', sizeBytes: takenBytes })
    })
    this.#out.post({ type: 'ready', self: network.self, addresses: network.addresses })
    let shown = String(network.addresses)
    setInterval(() => {
      const { addresses } = network
      if (String(addresses) === shown) return
      shown = String(addresses)
      this.#out.post({ type: 'addresses', addresses })
    }, ADDRESSES_EVERY_MS).unref()
  }

  #do(network: Network, item: ToThread, bytes: Uint8Array = new Uint8Array(0)): void {
    switch (item.type) {
      case 'join':
        return network.join(item.topic)
      case 'leave':
        return network.leave(item.topic)
      case 'open':
        return network.open(item.channel)
      case 'send':
        return network.send(item.channel, item.to, bytes)
      case 'serve':
        return network.serve(item.exchange, (query, from) => {
          const id = this.#nextId++
          this.#out.post({ type: 'query', id, exchange: item.exchange.name, from }, query)
          return new Promise((resolve) => this.#answers.set(id, resolve))
        })
      case 'answer':
        this.#answers.get(item.id)?.(bytes)
        this.#answers.delete(item.id)
        return
      case 'noAnswer':
        this.#answers.get(item.id)?.(undefined)
        this.#answers.delete(item.id)
        return
      case 'verdict':
        this.#verdicts.get(item.id)?.(item.verdict)
        this.#verdicts.delete(item.id)
        return
      case 'hangUp':
        return network.hangUp(item.peer)
      case 'ban':
        return network.ban(item.peer, item.forMs)
      case 'call':
        void this.#answer(network, item, bytes)
        return
      case 'abort':
        this.#calls.get(item.id)?.abort()
    }
  }

  async #answer(network: Network, { id, call }: ToThread & { type: 'call' }, bytes: Uint8Array): Promise<void> {
    const stop = new AbortController()
    this.#calls.set(id, stop)
    try {
      const value = await this.#call(network, call, { id, bytes, signal: stop.signal })
      if (value instanceof Uint8Array) this.#out.post({ type: 'result', id }, value)
      else this.#out.post(value === undefined ? { type: 'result', id } : { type: 'result', id, value })
    } catch (error) {
      this.#out.post({ type: 'failure', id, failure: failureOf(error) })
    } finally {
      this.#calls.delete(id)
      if (call.method === 'close') {
        this.#out.flush()
        this.#port.close()
      }
    }
  }

  async #call(
    network: Network,
    call: ThreadCall,
    { id, bytes, signal }: { readonly id: number; readonly bytes: Uint8Array; readonly signal: AbortSignal },
  ): Promise<number | string | NetworkStats | Uint8Array | undefined> {
    switch (call.method) {
      case 'publish':
        return network.publish(call.topic, bytes)
      case 'request':
        return network.request(call.exchange, call.to, bytes, { signal })
      case 'dial':
        return network.dial(call.address)
      case 'announce':
        await network.announce(bytes)
        return undefined
      case 'find':
        for await (const contact of network.find(bytes, { signal })) this.#out.post({ type: 'found', id, contact })
        return undefined
      case 'stats':
        return { ...(await network.stats()), cpuMs: threadCpuMs() }
      case 'close':
        await network.close()
        return undefined
    }
  }
}

/** Undefined before Node 23.9. */
function threadCpuMs(): number | undefined {
  if (typeof process.threadCpuUsage !== 'function') return undefined
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
