// Packs every public package, lints the tarballs, installs them into an empty folder outside the repository, and
// type-checks and runs an example there: what a user of the published packages gets. Needs a build (`npm run build`).
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const EXAMPLE = 'hello-testnet.ts'
const STEP_TIMEOUT_MS = 300_000

const root = resolve(import.meta.dirname, '..')
const local = (...path: string[]): string => join(root, 'node_modules', ...path)
const temporary = mkdtempSync(join(tmpdir(), 'armchain-pack-'))

try {
  const tarballs = pack(join(temporary, 'tarballs'))
  for (const tarball of Object.values(tarballs)) {
    run(root, local('.bin/publint'), ['run', tarball, '--strict'])
    run(root, local('.bin/attw'), [tarball, '--profile', 'esm-only', '--no-summary', '--no-emoji'])
  }
  const user = join(temporary, 'user')
  install(user, tarballs)
  run(user, join(user, 'node_modules/.bin/armchain'), ['--help'])
  example(user)
} catch (error) {
  console.error(`pack-check failed: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

/** Tarball by package name, of every workspace package that may be published. */
function pack(folder: string): Record<string, string> {
  mkdirSync(folder, { recursive: true })
  const tarballs: Record<string, string> = {}
  for (const path of globSync('packages/*/package.json', { cwd: root })) {
    const manifest = JSON.parse(readFileSync(join(root, path), 'utf8'))
    if (manifest.private) continue
    run(join(root, path, '..'), 'npm', ['pack', '--silent', '--pack-destination', folder])
    tarballs[manifest.name] = join(folder, `${manifest.name.slice(1).replace('/', '-')}-${manifest.version}.tgz`)
  }
  return tarballs
}

/** An empty project that depends on the tarballs and, to check types, on what a TypeScript user has. */
function install(folder: string, tarballs: Record<string, string>): void {
  mkdirSync(folder, { recursive: true })
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const dependencies = Object.fromEntries(Object.entries(tarballs).map(([name, tarball]) => [name, `file:${tarball}`]))
  const types = { '@types/node': devDependencies['@types/node'] }
  writeJson(join(folder, 'package.json'), { private: true, type: 'module', dependencies, devDependencies: types })
  run(folder, 'npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'])
}

function example(folder: string): void {
  const source = join(root, 'examples', EXAMPLE)
  if (!existsSync(source)) {
    console.error(`\n!!! NOT CHECKED: there is no examples/${EXAMPLE} to type-check and run against the tarballs !!!\n`)
    if (process.env.CI) process.exitCode = 1
    return
  }
  copyFileSync(source, join(folder, EXAMPLE))
  writeJson(join(folder, 'tsconfig.json'), {
    compilerOptions: {
      strict: true,
      noEmit: true,
      target: 'es2024',
      module: 'nodenext',
      types: ['node'],
      allowImportingTsExtensions: true,
    },
    files: [EXAMPLE],
  })
  run(folder, local('.bin/tsc'), ['-p', '.'])
  run(folder, process.execPath, [EXAMPLE])
}

/** Runs to the end, or throws: a failed step fails the check. */
function run(cwd: string, command: string, args: readonly string[]): void {
  console.log(`> ${[command.replace(/.*node_modules\/.bin\//, ''), ...args].join(' ')}`)
  execFileSync(command, args, { cwd, stdio: 'inherit', timeout: STEP_TIMEOUT_MS })
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}
