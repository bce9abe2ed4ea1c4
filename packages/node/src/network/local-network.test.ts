import { expect, test } from 'vitest'
import { LocalNetwork } from './local-network.ts'

const bytes = (value: number): Uint8Array => new Uint8Array([value])
const turns = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A network of three that writes down what each hears, as `from:value`. */
function three(random?: () => number) {
  const network = new LocalNetwork(random)
  const heard: string[][] = [[], [], []]
  const members = heard.map((list, self) => {
    const transport = network.join(self, [0, 1, 2])
    transport.listen((from, message) => {
      list.push(`${from}:${message[0]}`)
      return 'accept'
    })
    return transport
  })
  return { network, heard, members }
}

test('delivers in order, to whom it is sent, in a later turn', async () => {
  const { heard, members } = three()
  expect(members[1]?.peers).toEqual([0, 2])
  for (let i = 0; i < 4; i++) members[0]?.send(1, bytes(i), 'votes')
  members[2]?.send(0, bytes(9), 'votes')
  expect(heard.flat()).toEqual([])
  await turns()
  expect(heard).toEqual([['2:9'], ['0:0', '0:1', '0:2', '0:3'], []])
})

test('a cut link loses both ways, others go on, and healing brings it back', async () => {
  const { network, heard, members } = three()
  network.partition([[0], [1, 2]])
  members[0]?.send(1, bytes(1), 'votes')
  members[1]?.send(0, bytes(2), 'votes')
  members[1]?.send(2, bytes(3), 'votes')
  await turns()
  expect(heard).toEqual([[], [], ['1:3']])
  expect(network.lost).toBe(2)
  network.heal()
  members[0]?.send(1, bytes(4), 'votes')
  await turns()
  expect(heard[1]).toEqual(['0:4'])
})

test('what comes to one that stands still waits for it; what comes to one that is gone is lost', async () => {
  const { network, heard, members } = three()
  network.pause(1)
  members[0]?.send(1, bytes(1), 'votes')
  members[2]?.close()
  members[0]?.send(2, bytes(2), 'votes')
  await turns()
  expect(heard).toEqual([[], [], []])
  network.resume(1)
  await turns()
  expect(heard).toEqual([[], ['0:1'], []])
  const again = network.join(2, [0, 1, 2])
  again.listen((from) => {
    heard[2]?.push(`again ${from}`)
    return 'accept'
  })
  members[0]?.send(2, bytes(3), 'votes')
  await turns()
  expect(heard[2]).toEqual(['again 0'])
})

test('lossy links lose what chance says, slow ones take their time', async () => {
  const draws = [0.1, 0.9, 0.1]
  const { network, heard, members } = three(() => draws.shift() ?? 0.9)
  network.shape([0], [1], { loss: 0.5 })
  for (let i = 0; i < 3; i++) members[0]?.send(1, bytes(i), 'votes')
  network.shape([2], [0], { delayMs: 20 })
  members[2]?.send(0, bytes(7), 'votes')
  await turns()
  expect(heard).toEqual([[], ['0:1'], []])
  while (heard[0]?.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(heard[0]).toEqual(['2:7'])
})

test('one that is cut off is not heard by who cut it off', async () => {
  const { heard, members } = three()
  members[1]?.cutOff(0, 60_000)
  members[0]?.send(1, bytes(1), 'votes')
  members[0]?.send(2, bytes(2), 'votes')
  await turns()
  expect(heard).toEqual([[], [], ['0:2']])
})

test('a message that is too large, or more than a link holds, is lost and nothing else', async () => {
  const { network, heard, members } = three()
  members[0]?.send(1, new Uint8Array(66 * 1024 * 1024), 'votes')
  const large = new Uint8Array(50 * 1024 * 1024)
  for (let i = 0; i < 3; i++) members[0]?.send(1, large, 'votes')
  members[2]?.send(1, bytes(5), 'votes')
  await turns()
  expect(heard[1]).toEqual(['0:0', '0:0', '2:5'])
  expect(network.lost).toBe(2)
})
