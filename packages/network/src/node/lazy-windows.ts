import type { MultiaddrConnection, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'

/** What this module uses of the library's multiplexer that its interface does not show. Versions are pinned. */
type MuxerInternals = { _newStream(id: number, state: number, direction: 'inbound' | 'outbound'): StreamInternals }
type StreamInternals = {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}

/** Neither being opened nor paused: a window update carries nothing but the window. */
const ESTABLISHED = 3

/**
 * Yamux that tells a sender of room only when half of the window is used, as other implementations of it do. The
 * library tells it after each frame, so that every message of gossip is answered by a frame of its own.
 */
export function yamuxWithLazyWindows(init: Parameters<typeof yamux>[0]): () => StreamMuxerFactory {
  const create = yamux(init)
  return () => {
    const factory = create()
    return {
      ...factory,
      protocol: factory.protocol,
      createStreamMuxer(connection: MultiaddrConnection) {
        const muxer = factory.createStreamMuxer(connection)
        const internals = muxer as unknown as MuxerInternals
        const newStream = internals._newStream.bind(muxer)
        internals._newStream = (...args) => {
          const stream = newStream(...args)
          const update = stream.sendWindowUpdate.bind(stream)
          stream.sendWindowUpdate = () => {
            if (stream.state === ESTABLISHED && stream.recvWindowCapacity > stream.recvWindow / 2) return
            update()
          }
          return stream
        }
        return muxer
      },
    }
  }
}
