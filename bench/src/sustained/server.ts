// The node of a sustained run. The accounts beyond the senders are put into the state directly before any load, a mote
// each from one that genesis funds: a genesis that lists ten million would say the same, and take longer to write than
// the run. So the log of this node does not replay; nothing else of it knows.
import { activeEd25519, type ShardState } from '@armchain/core'
import { createNode, openDataDir, paceOf } from '@armchain/node'
import { genesisOf, otherAccount, othersOf, type Setting, TREASURY, VALIDATOR } from './chain.ts'

/** Accounts that are made in one step. */
const CHUNK = 100_000

const [settingText, dataPath] = process.argv.slice(2) as [string, string]
const setting = JSON.parse(settingText) as Setting
const dataDir = await openDataDir(dataPath, { reset: true })
const node = await createNode({
  genesis: genesisOf(setting),
  signer: () => ({
    index: 0,
    account: VALIDATOR.account,
    sign: (message) => activeEd25519().sign(message, VALIDATOR.secretKey),
  }),
  pace: paceOf(0),
  dataDir,
  rpc: { host: '127.0.0.1', port: 0 },
})
const start = performance.now()
for (const { descriptor, chain } of node.host.machine.shards)
  if (descriptor.key.vShard > 0) addAccounts(chain.state, descriptor.key.vShard, othersOf(setting))
process.stdout.write(`${JSON.stringify({ url: node.url, setUpMs: Math.round(performance.now() - start) })}\n`)
process.on('SIGTERM', () => {
  void node
    .close()
    .then(() => dataDir.release())
    .then(() => process.exit(0))
})

function addAccounts(state: ShardState, vShard: number, count: number): void {
  const treasury = state.row(TREASURY.account)
  for (let from = 0; from < count; from += CHUNK) {
    const size = Math.min(CHUNK, count - from)
    const held = state.account(treasury)
    if (held === undefined || held.balance < BigInt(size)) throw new Error('the treasury does not hold enough')
    const accounts = Array.from({ length: size }, (_, i) => ({
      row: state.row(otherAccount(vShard, from + i)),
      account: { balance: 1n, nonce: 0, keyType: 0 },
    }))
    accounts.push({ row: treasury, account: { ...held, balance: held.balance - BigInt(size) } })
    state.apply({ accounts, entries: [] })
    state.root()
  }
}
