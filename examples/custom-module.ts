// A runtime module of one's own, added without touching a package: a guest book on every vShard, signed across shards.
import { createRpcClient, createWallet } from '@armchain/client'
import {
  bytes32,
  compile,
  defineCall,
  defineQuery,
  type RuntimeModule,
  SHARD_OWNER,
  struct,
  text,
  toHex,
  u32,
  u53,
} from '@armchain/core'
import { accountKey, startTestnet } from '@armchain/testnet'

const signArgs = struct(['vShard', u32], ['words', text(140)])
const entry = struct(['author', bytes32], ['words', text(140)])
const entryCodec = compile<{ author: Uint8Array; words: string }>(entry)
const counterCodec = compile<{ count: number }>(struct(['count', u53]))

const guestbook: RuntimeModule = {
  name: 'guestbook',
  calls: {
    // Signs the book of a vShard; of another one by a message, which pays for its own delivery.
    sign: defineCall<{ vShard: number; words: string }>({
      args: signArgs,
      gas: 200,
      run(context, { vShard, words }) {
        const args = entryCodec.encode({ author: context.id(context.sender), words })
        const call = { module: 'guestbook', method: 'write', args }
        if (vShard !== context.vShard)
          return context.send(context.sender, {
            vShard,
            to: context.id(context.sender),
            value: 0n,
            call,
            callGas: 2_000,
          })
        return write(context, args)
      },
    }),
  },
  messages: {
    write: defineCall<{ author: Uint8Array; words: string }>({
      args: entry,
      gas: 200,
      run: (context, value) => write(context, entryCodec.encode(value)),
    }),
  },
  queries: {
    read: defineQuery<{ index: number }, { author: Uint8Array; words: string }>({
      args: struct(['index', u53]),
      result: entry,
      run(context, { index }) {
        const value = context.get(SHARD_OWNER, `entry/${index}`)
        return value === undefined ? { author: new Uint8Array(32), words: '' } : entryCodec.decode(value)
      },
    }),
  },
  events: { signed: entry },
}

function write(
  context: Parameters<NonNullable<typeof guestbook.calls>[string]['run']>[0],
  encoded: Uint8Array,
): undefined {
  const stored = context.get(SHARD_OWNER, 'count')
  const { count } = stored === undefined ? { count: 0 } : counterCodec.decode(stored)
  context.set(SHARD_OWNER, `entry/${count}`, encoded)
  context.set(SHARD_OWNER, 'count', counterCodec.encode({ count: count + 1 }))
  context.emit('signed', entryCodec.decode(encoded))
  return undefined
}

await using testnet = await startTestnet({ shards: 2, modules: [guestbook] })
await using rpc = createRpcClient({ url: testnet.rpcUrl })
const [first] = testnet.accounts
if (first === undefined) throw new Error('a testnet has ten accounts unless told otherwise')
const wallet = await createWallet(rpc, accountKey(first))

const txId = await wallet.send(
  { module: 'guestbook', method: 'sign', args: { vShard: 2, words: 'hello from vShard 1' } },
  { vShard: 1, gasLimit: 10_000 },
)
await wallet.wait(txId, 'anchored')
let read = { author: '', words: '' }
while (read.words === '') {
  read = (await rpc.call('arm_query', {
    vShard: 2,
    module: 'guestbook',
    query: 'read',
    args: { index: 0 },
  })) as typeof read
  await new Promise((resolve) => setTimeout(resolve, 20))
}
console.log(`the book on vShard 2 says "${read.words}", signed by ${read.author.slice(0, 16)}..`)
if (read.author !== toHex(wallet.account)) throw new Error('signed by someone else')
