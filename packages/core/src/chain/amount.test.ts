import fc from 'fast-check'
import { expect, test } from 'vitest'
import { codeOf } from '../chain.fixture.ts'
import { formatAc, MOTES_MAX, parseAc } from './amount.ts'

test('parse(format(x)) = x, without trailing zeros', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: MOTES_MAX }), (motes) => {
      const text = formatAc(motes)
      expect(parseAc(text)).toBe(motes)
      expect(text).toMatch(/^(0|[1-9][0-9]*)(\.[0-9]{0,8}[1-9])?$/)
    }),
  )
})

test('examples', () => {
  const pairs: readonly (readonly [string, bigint])[] = [
    ['0', 0n],
    ['12.5', 12_500_000_000n],
    ['0.000000001', 1n],
    ['007.10', 7_100_000_000n],
    ['18446744073.709551615', MOTES_MAX],
  ]
  for (const [text, motes] of pairs) expect(parseAc(text)).toBe(motes)
})

test('refuses what is no amount, too fine, or too much', () => {
  const refused = ['', '.', '1.', '.5', '-1', '+1', '1e3', '1,5', ' 1', '1\n', '0x1', '١', '1.0000000001', 'NaN']
  for (const text of [...refused, '18446744073.709551616', '100000000000', '9'.repeat(400)])
    expect(codeOf(() => parseAc(text))).toBe('ARM_AMOUNT_RANGE')
})
