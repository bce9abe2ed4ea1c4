import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { invariant } from '@armchain/core'

/** A change to one source file: `find` stands there exactly once. */
export type Patch = { readonly file: string; readonly find: string; readonly replace: string }

/**
 * Imports a module of this repository as it would be with patches, without touching a file: the copy lives beside the
 * real one under a name of its own, and so does every module of the same package that it imports. So the code that is
 * tested needs no switch for being wrong. Throws where a patch does not fit the source any more.
 */
export async function importPatched<Module>(entry: string, name: string, patches: readonly Patch[]): Promise<Module> {
  install()
  planted.set(name, patches)
  for (const { file, find } of patches) {
    const count = readFileSync(fileURLToPath(new URL(file, ROOT)), 'utf8').split(find).length - 1
    invariant(count === 1, `planted bug "${name}": ${file} holds ${count} times, not once: ${find}`)
  }
  return (await import(`${new URL(entry, ROOT).href}?planted=${name}`)) as Module
}

/** The repository. */
const ROOT = pathToFileURL(`${fileURLToPath(new URL('../../../../..', import.meta.url))}`)
const planted: Map<string, readonly Patch[]> = new Map()
let installed = false

function install(): void {
  if (installed) return
  installed = true
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const name = context.parentURL === undefined ? undefined : nameOf(context.parentURL)
      // Only within the package: what it imports of others is what everyone else imports.
      return name === undefined || !specifier.startsWith('.')
        ? resolved
        : { ...resolved, url: `${resolved.url}?planted=${name}` }
    },
    load(url, context, next) {
      const name = nameOf(url)
      if (name === undefined) return next(url, context)
      const path = url.slice(0, url.indexOf('?'))
      const patches = (planted.get(name) ?? []).filter(({ file }) => new URL(file, ROOT).href === path)
      let source = readFileSync(fileURLToPath(path), 'utf8')
      for (const { find, replace } of patches) source = source.replace(find, () => replace)
      return { format: 'module-typescript', source, shortCircuit: true }
    },
  })
}

function nameOf(url: string): string | undefined {
  const at = url.indexOf('?planted=')
  return at < 0 ? undefined : url.slice(at + '?planted='.length)
}
