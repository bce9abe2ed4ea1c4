// The rules of the house that the linter cannot see: they span files, packages and documents. Sizes, cycles, names,
// enums, clocks and `node:` imports are Biome's (`biome.json`).
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'

/** Packages, lowest first: a package imports only packages that stand before it. */
export const LAYERS: readonly string[] = [
  'ed25519-batch',
  'core',
  'vrf',
  'network',
  'consensus',
  'shard',
  'client',
  'sim',
  'node',
  'testnet',
]

/** Packages that also run in browsers: what needs Node is in their `src/node/`, reached only through `./node` or `#...`. */
export const UNIVERSAL: readonly string[] = [
  'ed25519-batch',
  'core',
  'vrf',
  'network',
  'consensus',
  'shard',
  'client',
  'sim',
]

/** A name that says nothing about what is inside. */
const EMPTY_NAMES = /^(utils?|helpers?|common|misc)$/

const ERROR_DOC = 'docs/errors.md'
const SCOPE = '@armchain/'

/** One broken rule, printed as `file:line rule: what to do`. */
export type Finding = {
  readonly file: string
  readonly line: number
  readonly rule: string
  readonly message: string
}

/** Text by path from the repository's root, with `/` between folders. */
export type Files = ReadonlyMap<string, string>

/** Every rule of this file that `files` break, in the order of the rules. */
export function tidy(files: Files): Finding[] {
  return [checkImports, checkManifests, checkNames, checkIndexes, checkErrorCodes].flatMap((rule) => rule(files))
}

/** Dependency direction: lower packages only, by their declared exports, and never out of one's own folder by path. */
function checkImports(files: Files): Finding[] {
  const findings: Finding[] = []
  for (const [file, text] of files) {
    const source = /^packages\/([^/]+)\/src\/(.*)\.ts$/.exec(file)
    if (!source) continue
    const [, name = '', inside = ''] = source
    if (!LAYERS.includes(name)) {
      findings.push({ file, line: 1, rule: 'layers', message: `add the package "${name}" to LAYERS in tools/tidy.ts` })
      continue
    }
    for (const { specifier, line } of importsOf(text)) {
      const message = specifier.startsWith('.')
        ? relativeProblem(name, inside, join(dirname(file), specifier))
        : specifier.startsWith(SCOPE)
          ? packageProblem(name, specifier, files)
          : undefined
      if (message) findings.push({ file, line, rule: 'layers', message })
    }
  }
  return findings
}

function relativeProblem(name: string, inside: string, target: string): string | undefined {
  const root = `packages/${name}/src/`
  const path = normalize(target)
  if (!path.startsWith(root)) return `leaves the package: import ${SCOPE}<package> instead of a path`
  if (!UNIVERSAL.includes(name) || !path.startsWith(`${root}node/`)) return undefined
  if (inside.startsWith('node/') || /\.(test|bench)$/.test(inside)) return undefined
  return 'universal code imports src/node/: go through a port, or through "#platform"'
}

function packageProblem(name: string, specifier: string, files: Files): string | undefined {
  const [target = '', ...rest] = specifier.slice(SCOPE.length).split('/')
  if (LAYERS.indexOf(target) >= LAYERS.indexOf(name)) return `${name} may not import ${target}: it is not a lower layer`
  const subpath = ['.', ...rest].join('/')
  const manifest = files.get(`packages/${target}/package.json`)
  if (manifest === undefined) return `there is no package ${target}`
  if (!(subpath in (JSON.parse(manifest).exports ?? {}))) return `${target} does not export "${subpath}"`
  return undefined
}

/** One version for all packages, exact between them; dependencies point downwards, and exports at files that exist. */
function checkManifests(files: Files): Finding[] {
  const findings: Finding[] = []
  const version = JSON.parse(files.get('package.json') ?? '{}').version
  for (const [file, text] of files) {
    const name = /^packages\/([^/]+)\/package\.json$/.exec(file)?.[1]
    if (name === undefined) continue
    const manifest = JSON.parse(text)
    const report = (needle: string, message: string): void => {
      findings.push({ file, line: lineOf(text, text.indexOf(needle)), rule: 'manifest', message })
    }
    if (manifest.name !== SCOPE + name) report('"name"', `call it ${SCOPE}${name}`)
    if (manifest.version !== version) report('"version"', `set the version to ${version}, the root's`)
    for (const target of Object.values<Record<string, string>>(manifest.exports ?? {})) {
      const path = target['@armchain/source']
      if (path !== undefined && !files.has(join(dirname(file), path)))
        report(`"${path}"`, 'there is no such file: write it, or remove the export')
    }
    for (const [dependency, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (!dependency.startsWith(SCOPE)) continue
      if (range !== version) report(`"${dependency}"`, `pin ${dependency} to exactly ${version}`)
      if (LAYERS.indexOf(dependency.slice(SCOPE.length)) >= LAYERS.indexOf(name))
        report(`"${dependency}"`, `${name} may not depend on ${dependency}: it is not a lower layer`)
    }
  }
  return findings
}

function checkNames(files: Files): Finding[] {
  const findings: Finding[] = []
  for (const file of files.keys()) {
    const part = file.split('/').find((segment) => EMPTY_NAMES.test(segment.replace(/\..*$/, '')))
    if (part) findings.push({ file, line: 1, rule: 'name', message: `name "${part}" after the one concept inside it` })
  }
  return findings
}

/** An `index.ts` is a table of contents: comments and `export ... from`, nothing else. */
function checkIndexes(files: Files): Finding[] {
  const findings: Finding[] = []
  for (const [file, text] of files) {
    if (!/^packages\/[^/]+\/src\/(.*\/)?index\.ts$/.test(file)) continue
    const rest = withoutComments(text).replace(
      /export\s+(type\s+)?(\{[^}]*\}|\*(\s+as\s+\w+)?)(\s+from\s+'[^']+')?;?/g,
      blank,
    )
    const at = rest.search(/\S/)
    if (at >= 0)
      findings.push({
        file,
        line: lineOf(rest, at),
        rule: 'index',
        message: 'an index.ts holds only exports: move the code to a file named after it',
      })
  }
  return findings
}

/** Each error code in the source has a row in docs/errors.md, and each row a code in the source. */
function checkErrorCodes(files: Files): Finding[] {
  const findings: Finding[] = []
  const used = new Map<string, { file: string; line: number }>()
  for (const [file, text] of files) {
    if (!/^packages\/[^/]+\/src\/.*\.ts$/.test(file) || /\.(test|bench)\.ts$/.test(file)) continue
    for (const match of text.matchAll(/['"`](ARM_[A-Z0-9_]+)['"`]/g))
      if (!used.has(match[1] ?? '')) used.set(match[1] ?? '', { file, line: lineOf(text, match.index) })
  }
  const doc = files.get(ERROR_DOC) ?? ''
  const listed = new Map<string, number>()
  for (const match of doc.matchAll(/^\|\s*`(ARM_[A-Z0-9_]+)`/gm)) {
    const code = match[1] ?? ''
    const line = lineOf(doc, match.index)
    if (listed.has(code))
      findings.push({ file: ERROR_DOC, line, rule: 'error-codes', message: `${code} is listed twice` })
    listed.set(code, line)
  }
  for (const [code, place] of used)
    if (!listed.has(code))
      findings.push({ ...place, rule: 'error-codes', message: `add a row for ${code} to ${ERROR_DOC}` })
  for (const [code, line] of listed)
    if (!used.has(code))
      findings.push({
        file: ERROR_DOC,
        line,
        rule: 'error-codes',
        message: `no source names ${code}: codes are append-only, so put it back in packages/core/src/errors.ts`,
      })
  return findings
}

/** The specifiers that a module imports or re-exports from, statically or not. */
function importsOf(text: string): { specifier: string; line: number }[] {
  const code = withoutComments(text)
  const pattern = /(?:^|[\s;}])(?:from|import)\s*\(?\s*'([^']+)'/g
  return [...code.matchAll(pattern)].map((match) => ({
    specifier: match[1] ?? '',
    line: lineOf(code, match.index + match[0].length),
  }))
}

/** Comments blanked out, so that offsets and lines stay what they were. Good enough for code that Biome formatted. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, blank)
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, Math.max(0, offset)).split('\n').length
}

/** The files that git knows or would add, so that build outputs and other people's caches do not count. */
function readRepository(root: string): Files {
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const paths = listing.split('\0').filter((path) => /\.(ts|mjs|md|json)$/.test(path) && existsSync(join(root, path)))
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

if (import.meta.main) {
  const findings = tidy(readRepository(resolve(import.meta.dirname, '..')))
  for (const { file, line, rule, message } of findings) console.error(`${file}:${line} ${rule}: ${message}`)
  console.log(findings.length === 0 ? 'tidy: nothing to say' : `tidy: ${findings.length} to mend`)
  process.exitCode = findings.length === 0 ? 0 : 1
}
