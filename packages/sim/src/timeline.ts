import { isNetworkFault, type NetworkFault, type Scenario } from './scenario.ts'
import type { TraceLine } from './trace.ts'

export type TimelineOptions = {
  /** Simulated time of one row. */
  readonly rowMs: number
  /** Rows kept: the last ones, which end with the violation. */
  readonly rows: number
}

/** What a cell shows, the most telling first; see the legend. */
const MARKS = ['!!', 'X', '^', 'Q', 'd', 'z', 'F', 'f', '-', 'n', 'P'] as const
type Mark = (typeof MARKS)[number]

const LEGEND = [
  'F12 final height 12   P proposes   n notarises   f finalises   - nullifies   . is up',
  'X stops   ^ starts   Q starts and must not vote   z stands still   d disk trouble   !! violation',
]
const WIDTH = 7

/**
 * A run as text: a column for each host, a row for each slice of time, and beside it what the network suffers and what
 * happened in words. A blank cell is a host that is down. Rows in which nothing happened are left out.
 */
export function timeline(lines: readonly TraceLine[], scenario: Scenario, options: TimelineOptions): string {
  const hosts = [...new Set(lines.map(({ host }) => host).filter((host) => host !== 'world'))].sort()
  const rows = new Map<number, TraceLine[]>()
  for (const line of lines) {
    const at = Math.floor(line.atMs / options.rowMs)
    const row = rows.get(at)
    if (row === undefined) rows.set(at, [line])
    else row.push(line)
  }
  const up = new Set<string>()
  const text: string[] = []
  for (const [at, row] of rows) {
    const cells = hosts.map((host) => cell(host, row, up))
    const fromMs = at * options.rowMs
    const notes = [...networkNotes(scenario, fromMs, fromMs + options.rowMs), ...row.flatMap(inWords)]
    if (cells.every((each) => each === '.' || each === '') && notes.length === 0) continue
    text.push(`${String(fromMs).padStart(8)}  ${cells.map((each) => each.padEnd(WIDTH)).join('')} ${notes.join('; ')}`)
  }
  const header = `${'ms'.padStart(8)}  ${hosts.map((host) => host.padEnd(WIDTH)).join('')}`
  return [...LEGEND, header, ...text.slice(-options.rows)].map((line) => line.trimEnd()).join('\n')
}

function cell(host: string, row: readonly TraceLine[], up: Set<string>): string {
  let best: { readonly mark: Mark; readonly text: string } | undefined
  for (const line of row) {
    if (line.host !== host) continue
    const found = markOf(line)
    if (found?.mark === 'X') up.delete(host)
    if (found?.mark === '^' || found?.mark === 'Q') up.add(host)
    if (found === undefined) continue
    if (best === undefined || MARKS.indexOf(found.mark) <= MARKS.indexOf(best.mark)) best = found
  }
  return best?.text ?? (up.has(host) ? '.' : '')
}

function markOf(line: TraceLine): { readonly mark: Mark; readonly text: string } | undefined {
  const plain = (mark: Mark) => ({ mark, text: mark })
  switch (line.what) {
    case 'violated':
      return plain('!!')
    case 'told':
      if (line.fact === 'quarantined') return plain('Q')
      return line.fact === 'finalized' ? { mark: 'F', text: `F${line.height}` } : undefined
    case 'sent':
      if (line.message.startsWith('propose')) return plain('P')
      if (line.message.startsWith('notarize')) return plain('n')
      if (line.message.startsWith('nullify')) return plain('-')
      return line.message.startsWith('finalize') ? plain('f') : undefined
    case 'happened':
      if (line.text.startsWith('starts')) return plain('^')
      if (/crashes|power|stops/.test(line.text)) return plain('X')
      return plain(line.text.startsWith('stands still') ? 'z' : 'd')
    case 'received':
      return undefined
  }
}

function inWords(line: TraceLine): string[] {
  if (line.what === 'violated') return [`${line.oracle}: ${line.text}`]
  return line.what === 'happened' && line.text !== 'starts' ? [`${line.host} ${line.text}`] : []
}

function networkNotes({ faults }: Scenario, fromMs: number, untilMs: number): readonly string[] {
  return faults.filter(isNetworkFault).flatMap((fault) => {
    const begins = fromMs <= fault.fromMs && fault.fromMs < untilMs
    const ends = fromMs <= fault.untilMs && fault.untilMs < untilMs
    return [...(begins ? [`${describeNetworkFault(fault)} begins`] : []), ...(ends ? [`${fault.type} ends`] : [])]
  })
}

function describeNetworkFault(fault: NetworkFault): string {
  switch (fault.type) {
    case 'partition':
      return `partition (${fault.cut}) around ${fault.side.join(',')}`
    case 'eclipse':
      return `eclipse of ${fault.node} by ${fault.by}`
    case 'clog':
      return `clog ${fault.from}->${fault.to}`
    default:
      return `${fault.type} ${Math.round(100 * fault.ratio)} %`
  }
}
