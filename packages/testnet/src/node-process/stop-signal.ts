export type Stop = Disposable & { readonly promise: Promise<void>; readonly fail: (error: unknown) => void }

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Resolves on SIGINT, SIGTERM or SIGHUP; a second signal ends the process at once. A process that another one ends takes
 * SIGTERM only: a terminal sends the other two to all of a group, and then whoever has started it has its turn first.
 */
export function stopSignal(taken: readonly (typeof SIGNALS)[number][] = SIGNALS): Stop {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(() => undefined)
  let count = 0
  const stop = (signal: NodeJS.Signals): void => {
    if (!taken.some((each) => each === signal)) return
    if (++count > 1) process.exit(130)
    resolve()
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  return {
    promise,
    fail: reject,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, stop)
    },
  }
}
