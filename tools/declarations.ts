// Makes the emitted declarations name `./x.js`, as published ESM does: `tsc` rewrites `./x.ts` in code, not in
// declarations. Runs after every build; a second run changes nothing.
import { globSync, readFileSync, writeFileSync } from 'node:fs'

for (const file of globSync('packages/*/dist/types/**/*.d.ts')) {
  const text = readFileSync(file, 'utf8')
  const rewritten = text.replace(/((?:from|import)\s*\(?\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2')
  if (rewritten !== text) writeFileSync(file, rewritten)
}
