import { randomBytes } from 'node:crypto'
import { test } from 'vitest'
import { networkAcceptance } from '../testing/index.ts'
import { createLibp2pNetwork } from './create-libp2p-network.ts'
import { realTime } from './real-time.fixture.ts'

test.each(networkAcceptance)('$name', ({ run }) =>
  run({
    ...realTime,
    open: (count, limits) =>
      Promise.all(
        Array.from({ length: count }, () =>
          createLibp2pNetwork({ secretKey: randomBytes(32), networkId: 'suite', limits }),
        ),
      ),
  }),
)
