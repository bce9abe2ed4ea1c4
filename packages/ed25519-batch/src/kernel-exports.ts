/** What the compiled module gives, see `assembly/index.ts`. Booleans come as 0 and 1, addresses are byte offsets. */
export type KernelExports = {
  readonly memory: WebAssembly.Memory
  initialize(keys: number): number
  reserve(count: number, dataBytes: number): number
  seedAddress(): number
  domainAddress(): number
  dataAddress(): number
  offsetsAddress(): number
  randomAddress(): number
  verdictsAddress(): number
  singleAddress(): number
  verifyItems(count: number): void
  verifyTransactions(count: number, keyOffset: number): void
  beginSingle(): number
  updateSingle(size: number): void
  endSingle(): number
  isAccountKey(): number
  isCanonicalPoint(): number
  multiply(count: number): number
  multiplyBytes(count: number): number
}
