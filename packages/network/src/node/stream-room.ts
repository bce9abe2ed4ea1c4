import type { Stream } from '@libp2p/interface'
import { networkError } from '../network-error.ts'

/**
 * Waits until no more than so many bytes of a stream are not yet on their way.
 *
 * The stream's own `onDrain` is of no use here: its promise stays fulfilled once it was, and it is fulfilled when the
 * connection has room, though the peer may not have read anything of this stream. So the bytes themselves are looked at.
 *
 * @throws ArmError ARM_NETWORK if the stream ends before, or nobody has read enough in time.
 */
export async function untilRoom(stream: Stream, bytesMax: number, timeoutMs: number): Promise<void> {
  if (stream.writeBufferLength <= bytesMax) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // The library goes on writing in a microtask of its own after it has told of the drain.
  const look = (): void =>
    queueMicrotask(() =>
      queueMicrotask(() => {
        if (stream.writeBufferLength <= bytesMax) resolve()
      }),
    )
  const end = (): void => reject(networkError('not-reached', 'the stream has ended'))
  const late = setTimeout(() => reject(networkError('timeout', 'the peer does not read')), timeoutMs)
  stream.addEventListener('drain', look)
  stream.addEventListener('close', end)
  try {
    await promise
  } finally {
    clearTimeout(late)
    stream.removeEventListener('drain', look)
    stream.removeEventListener('close', end)
  }
}
