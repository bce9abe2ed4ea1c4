export { accountKey, startTestnet, type TestAccount, type Testnet, type TestnetOptions } from './testnet.ts'
export { type LoadOptions, type LoadResult, runLoad } from './load.ts'
export { runDemo } from './demo.ts'
export { runCommand } from './commands/run.ts'
