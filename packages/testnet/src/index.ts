export { accountKey, startTestnet, type TestAccount, type Testnet, type TestnetOptions } from './testnet.ts'
export { type LoadOptions, type LoadResult, loadIncluded, runLoad, type SignedLoad, signLoad } from './load.ts'
export { runDemo } from './demo.ts'
export { runCommand } from './commands/run.ts'
