import { randomBytes } from 'node:crypto'
import { test } from 'vitest'
import { networkAcceptance } from '../testing/index.ts'
import { openNetwork } from './open-network.ts'
import { realTime } from './real-time.fixture.ts'

test.each(networkAcceptance)('$name', ({ run }) =>
  run({
    ...realTime,
    open: (count, limits) =>
      Promise.all(
        Array.from({ length: count }, () => openNetwork({ secretKey: randomBytes(32), networkId: 'suite', limits })),
      ),
  }),
)
