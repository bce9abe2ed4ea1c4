import { writeFile } from 'node:fs/promises'
import { ArmError, createMnemonic, encryptKeystore, formatAddress, keyPairFromMnemonic, toHex } from '@armchain/core'
import { type Command, integer, KEY_OPTIONS, readKey, text } from './command.ts'

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
    const addresses = Array.from({ length: integer(values, 'shards', 2) + 1 }, (_, vShard) =>
      formatAddress({ account: key.account, vShard }, prefix),
    )
    const out = text(values, 'out')
    if (out !== undefined) {
      const password = text(values, 'password') ?? process.env.ARMCHAIN_PASSWORD
      if (!password)
        throw new ArmError('ARM_CLI_USAGE', 'a keystore needs a password', {
          hint: 'pass --password TEXT, or set ARMCHAIN_PASSWORD',
        })
      await writeFile(out, `${JSON.stringify(await encryptKeystore(key, password), null, 2)}\n`, {
        mode: 0o600,
        flag: 'wx',
      })
    }
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
