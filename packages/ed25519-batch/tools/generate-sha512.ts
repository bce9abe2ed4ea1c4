// Writes the AssemblyScript of SHA-512's compression (FIPS 180-4, 6.4.2), sixteen rounds unrolled so that the working
// variables and the message schedule are locals.

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const rounds = [...Array(16).keys()]

/** The whole of `generated/sha512`. */
export function generateSha512(): string {
  return `const K: usize = memory.data<u64>([${roundConstants().join(', ')}]);

/** Takes the 128 bytes at \`block\` into the eight words at \`state\`. */
export function sha512Compress(state: usize, block: usize): void {
${names.map((name, i) => `  let ${name} = load<u64>(state, ${8 * i});`).join('\n')}
${rounds.map((i) => `  let w${i} = bswap<u64>(load<u64>(block, ${8 * i}));`).join('\n')}
  let t: u64;
  for (let k = K; ; k += 128) {
${rounds.flatMap(round).join('\n')}
    if (k == K + 512) break;
${rounds.map(schedule).join('\n')}
  }
${names.map((name, i) => `  store<u64>(state, load<u64>(state, ${8 * i}) + ${name}, ${8 * i});`).join('\n')}
}
`
}

/** One round; the variables change their roles instead of their places. */
function round(i: number): string[] {
  const [a, b, c, d, e, f, g, h] = names.map((_, role) => names[(role - i + 32) % 8])
  return [
    `    t = ${h} + (${rotations(e, 14, 18, 41)}) + (${g} ^ (${e} & (${f} ^ ${g}))) + load<u64>(k, ${8 * i}) + w${i};`,
    `    ${d} += t;`,
    `    ${h} = t + (${rotations(a, 28, 34, 39)}) + ((${a} & ${b}) | (${c} & (${a} | ${b})));`,
  ]
}

function schedule(i: number): string {
  const at = (offset: number): string => `w${(i + offset) % 16}`
  const sigma = (w: string, x: number, y: number, shift: number): string =>
    `(rotr<u64>(${w}, ${x}) ^ rotr<u64>(${w}, ${y}) ^ (${w} >> ${shift}))`
  return `    w${i} += ${sigma(at(1), 1, 8, 7)} + ${at(9)} + ${sigma(at(14), 19, 61, 6)};`
}

function rotations(name: string | undefined, ...counts: number[]): string {
  return counts.map((count) => `rotr<u64>(${name}, ${count})`).join(' ^ ')
}

/** First 64 bits of the fractional parts of the cube roots of the first eighty primes. */
function roundConstants(): string[] {
  const primes: bigint[] = []
  for (let n = 2n; primes.length < 80; n++) if (primes.every((prime) => n % prime !== 0n)) primes.push(n)
  return primes.map((prime) => `0x${(cubeRoot(prime << 192n) & (2n ** 64n - 1n)).toString(16)}`)
}

/** The integer part of the cube root of n < 2^204. */
function cubeRoot(n: bigint): bigint {
  let root = 0n
  for (let bit = 1n << 67n; bit > 0n; bit >>= 1n) if ((root | bit) ** 3n <= n) root |= bit
  return root
}
