import { expect, test } from 'vitest'
import { type Files, tidy } from './tidy.ts'

const manifest = (name: string, more: object = {}): string =>
  JSON.stringify({ name: `@armchain/${name}`, version: '1.0.0', exports: { '.': {}, './node': {} }, ...more }, null, 2)

const clean: Record<string, string> = {
  'package.json': '{"version": "1.0.0"}',
  'docs/errors.md': '| code | meaning | what to do |\n| --- | --- | --- |\n| `ARM_ONE` | one | one |\n',
  'packages/core/package.json': manifest('core'),
  'packages/core/src/index.ts':
    "// What is here.\nexport { one, type One } from './one.ts'\nexport * from './two.ts'\n",
  'packages/core/src/one.ts': "import { platform } from '#platform'\nexport const code = 'ARM_ONE'\n",
  'packages/core/src/node/platform.ts': "import '../one.ts'\n",
  'packages/shard/package.json': manifest('shard', { dependencies: { '@armchain/core': '1.0.0' } }),
  'packages/shard/src/top.ts': "import { one } from '@armchain/core'\nimport fs from '@armchain/core/node'\n",
}

/** What tidy says of the clean tree with `changes` over it. */
function findings(changes: Record<string, string>): string[] {
  const files: Files = new Map(Object.entries({ ...clean, ...changes }))
  return tidy(files).map(({ file, line, rule }) => `${file}:${line} ${rule}`)
}

test('says nothing of a clean tree', () => {
  expect(findings({})).toEqual([])
})

test.each<[string, Record<string, string>, string]>([
  [
    'an import of a higher layer',
    { 'packages/core/src/two.ts': "\nexport { x } from '@armchain/shard'\n" },
    'packages/core/src/two.ts:2 layers',
  ],
  [
    'a dynamic import of a higher layer',
    { 'packages/core/src/two.ts': "const x = await import('@armchain/shard')\n" },
    'packages/core/src/two.ts:1 layers',
  ],
  [
    'a deep import',
    { 'packages/shard/src/top.ts': "import { one } from '@armchain/core/src/one.ts'\n" },
    'packages/shard/src/top.ts:1 layers',
  ],
  [
    'a path into another package',
    { 'packages/shard/src/top.ts': "import {\n  one,\n} from '../../core/src/one.ts'\n" },
    'packages/shard/src/top.ts:3 layers',
  ],
  [
    'universal code that imports Node code',
    { 'packages/core/src/two.ts': "import './node/platform.ts'\n" },
    'packages/core/src/two.ts:1 layers',
  ],
  ['a package without a layer', { 'packages/odd/src/a.ts': '' }, 'packages/odd/src/a.ts:1 layers'],
  [
    'a dependency on a higher layer',
    { 'packages/core/package.json': manifest('core', { dependencies: { '@armchain/shard': '1.0.0' } }) },
    'packages/core/package.json:9 manifest',
  ],
  [
    'a loose version',
    { 'packages/shard/package.json': manifest('shard', { dependencies: { '@armchain/core': '^1.0.0' } }) },
    'packages/shard/package.json:9 manifest',
  ],
  [
    'an export without a file',
    { 'packages/core/package.json': manifest('core', { exports: { '.': { '@armchain/source': './src/odd.ts' } } }) },
    'packages/core/package.json:6 manifest',
  ],
  ['another version', { 'package.json': '{"version": "1.0.1"}' }, 'packages/core/package.json:3 manifest'],
  ['a file without a concept', { 'packages/core/src/utils.ts': '' }, 'packages/core/src/utils.ts:1 name'],
  [
    'code in an index',
    { 'packages/core/src/index.ts': '\nexport const a = 1\n' },
    'packages/core/src/index.ts:2 index',
  ],
  [
    'a code without a row',
    { 'packages/core/src/two.ts': "export const code = 'ARM_TWO'\n" },
    'packages/core/src/two.ts:1 error-codes',
  ],
  ['a row without a code', { 'packages/core/src/one.ts': '' }, 'docs/errors.md:3 error-codes'],
])('finds %s', (_, changes, expected) => {
  expect(findings(changes)).toContain(expected)
})

test('ignores imports and codes that are only talked about', () => {
  const talk = "/** Not `import '@armchain/node'`, and ARM_* is a family. */\n// import '@armchain/node'\nexport {}\n"
  expect(findings({ 'packages/core/src/two.ts': talk })).toEqual([])
})
