import { KERNEL_BASE64 } from './kernel-binary.ts'

/**
 * How the kernel computes with points. `simd` works on two field elements at once by fused multiply-adds of relaxed SIMD;
 * `scalar` needs nothing beyond the first version of WebAssembly. The verdicts are the same.
 */
export type Arithmetic = 'simd' | 'scalar'

const modules: Map<Arithmetic, WebAssembly.Module> = new Map()

/** An instance that computes exactly on this engine: `wanted`, or the fastest. Throws where `wanted` is not to be had. */
export function instantiateSync(wanted?: Arithmetic): WebAssembly.Instance {
  const simd = wanted === 'scalar' ? undefined : exact(() => new WebAssembly.Instance(compiled('simd')))
  if (simd !== undefined) return simd
  if (wanted === 'simd') throw unsupported()
  return new WebAssembly.Instance(compiled('scalar'))
}

/** The same, compiled off the thread that asks. */
export async function instantiateAsync(wanted?: Arithmetic): Promise<WebAssembly.Instance> {
  for (const arithmetic of ['simd', 'scalar'] as const) {
    const known = modules.has(arithmetic) || !isSupported(arithmetic)
    if (!known) modules.set(arithmetic, await WebAssembly.compile(binary(arithmetic)))
  }
  return instantiateSync(wanted)
}

function compiled(arithmetic: Arithmetic): WebAssembly.Module {
  const known = modules.get(arithmetic)
  if (known !== undefined) return known
  const module = new WebAssembly.Module(binary(arithmetic))
  modules.set(arithmetic, module)
  return module
}

/** Undefined if the engine lacks an instruction, or does not fuse multiply-adds, as it may. */
function exact(instantiate: () => WebAssembly.Instance): WebAssembly.Instance | undefined {
  if (!isSupported('simd')) return undefined
  const instance = instantiate()
  const { isExact } = instance.exports as { isExact(one: number): number }
  return isExact(1) === 1 ? instance : undefined
}

const supported: Map<Arithmetic, boolean> = new Map()

function isSupported(arithmetic: Arithmetic): boolean {
  let answer = supported.get(arithmetic)
  if (answer === undefined) {
    answer = WebAssembly.validate(binary(arithmetic))
    supported.set(arithmetic, answer)
  }
  return answer
}

function binary(arithmetic: Arithmetic): Uint8Array<ArrayBuffer> {
  const text = atob(KERNEL_BASE64[arithmetic])
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

function unsupported(): RangeError {
  return new RangeError("arithmetic: this engine has no exact relaxed SIMD; leave it out, or ask for 'scalar'")
}
