import { ArmError, createMnemonic, encryptKeystore, formatAddress, keyPairFromMnemonic, toHex } from '@armchain/core'
import { type Command, integer, KEY_OPTIONS, readKey, readPassword, text, writeText } from './command.ts'

/** vShards that addresses are shown for: more than a scheme may have. */
const SHOWN_MAX = 4_096

export const accountCommand: Command = {
  usage: `account create|show [options]           make a key, or show the addresses of one
  create              a new mnemonic; --out FILE --password TEXT also writes an encrypted keystore
  show                addresses of --key, --mnemonic or --keystore
  --index N           which key of the mnemonic (default 0)
  --shards N          show addresses on vShards 0 to N (default 2)
  --prefix P          address prefix of the network (default armt)`,
  options: { ...KEY_OPTIONS, out: { type: 'string' }, shards: { type: 'string' }, prefix: { type: 'string' } },
  positionals: [1, 1],
  async run({ values, positionals: [what], output }) {
    if (what !== 'create' && what !== 'show')
      throw new ArmError('ARM_CLI_USAGE', `unknown account command "${what}"`, {
        hint: 'account create, or account show',
      })
    const mnemonic = what === 'create' ? createMnemonic() : undefined
    const key =
      mnemonic === undefined ? await readKey(values) : keyPairFromMnemonic(mnemonic, integer(values, 'index', 0))
    const prefix = text(values, 'prefix') ?? 'armt'
    if (!/^[a-z]{1,16}$/.test(prefix))
      throw new ArmError('ARM_CLI_USAGE', '--prefix is not 1 to 16 lower-case letters', {
        prefix,
        hint: 'leave it out for a testnet, or take the addressPrefix of the network',
      })
    const last = integer(values, 'shards', 2, { min: 0, max: SHOWN_MAX })
    const addresses = Array.from({ length: last + 1 }, (_, vShard) =>
      formatAddress({ account: key.account, vShard }, prefix),
    )
    const out = text(values, 'out')
    if (out !== undefined)
      await writeText(out, `${JSON.stringify(await encryptKeystore(key, readPassword(values)), null, 2)}\n`, 'wx')
    output.value({
      account: toHex(key.account),
      publicKey: toHex(key.publicKey),
      addresses,
      ...(mnemonic && { mnemonic }),
      ...(out && { keystore: out }),
    })
    if (mnemonic) output.text(`mnemonic   ${mnemonic}`)
    output.text(`public key ${toHex(key.publicKey)}`)
    for (const [vShard, address] of addresses.entries()) output.text(`vShard ${vShard}   ${address}`)
    if (out) output.text(`keystore   ${out}`)
  },
}
