/** Plots as SVG text: no more than bars with their spread, and lines. */

export type Bar = { readonly label: string; readonly value: number; readonly samples: readonly number[] }
export type Panel = { readonly title: string; readonly bars: readonly Bar[] }
export type Line = { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }
export type Chart = {
  readonly title: string
  readonly xLabel: string
  readonly lines: readonly Line[]
  /** `decades`: a line across for each power of ten. */
  readonly scale?: 'linear' | 'decades'
}

const WIDTH = 460
const HEIGHT = 260
const LEFT = 60
const TOP = 40
const BOTTOM = 40
const COLORS = ['#2563eb', '#d97706', '#059669', '#9333ea']
const STYLE =
  '<style>text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:13px}.note{fill:#666;font-size:11px}</style>'

/** Bars side by side, a panel for each figure, a dot for each repeat. */
export function barPlot(panels: readonly Panel[], note: string): string {
  return page(panels.map(barPanel), note)
}

/** Lines over x, a panel for each chart; all share the legend of the first. */
export function linePlot(charts: readonly Chart[], note: string): string {
  return page(charts.map(linePanel), note)
}

function page(panels: readonly string[], note: string): string {
  const width = WIDTH * panels.length
  const body = panels.map((panel, i) => `<g transform="translate(${i * WIDTH} 0)">${panel}</g>`).join('\n')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT + 24}" width="${width}" height="${HEIGHT + 24}">
${STYLE}<rect width="100%" height="100%" fill="#fff"/>
${body}
<text class="note" x="${LEFT}" y="${HEIGHT + 12}">${escaped(note)}</text>
</svg>
`
}

function barPanel({ title, bars }: Panel): string {
  const top = niceTop(Math.max(...bars.flatMap(({ value, samples }) => [value, ...samples])))
  const step = (WIDTH - LEFT - 20) / bars.length
  const drawn = bars.map(({ label, value, samples }, i) => {
    const center = LEFT + step * (i + 0.5)
    const dots = samples
      .map((each) => `<circle cx="${center}" cy="${yOf(each, top)}" r="3" fill="#111" fill-opacity="0.55"/>`)
      .join('')
    return `<rect x="${center - step * 0.3}" y="${yOf(value, top)}" width="${step * 0.6}" height="${yOf(0, top) - yOf(value, top)}" fill="${COLORS[i % COLORS.length]}"/>${dots}
<text x="${center}" y="${yOf(0, top) + 16}" text-anchor="middle">${escaped(label)}</text>
<text x="${center}" y="${yOf(0, top) + 31}" text-anchor="middle">${rounded(value)}</text>`
  })
  return `${frame(title, linearAxis(top))}${drawn.join('')}`
}

function linePanel({ title, xLabel, lines, scale = 'linear' }: Chart): string {
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y))
  const axis = scale === 'linear' ? linearAxis(niceTop(Math.max(...values))) : decadesAxis(values)
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b)
  const xOf = (x: number): number => LEFT + 20 + ((WIDTH - LEFT - 60) * xs.indexOf(x)) / Math.max(1, xs.length - 1)
  const ticks = xs.map(
    (x) => `<text x="${xOf(x)}" y="${yOf(0, 1) + 16}" text-anchor="middle">${x.toLocaleString('en-US')}</text>`,
  )
  const drawn = lines.map(({ label, points }, i) => {
    const color = COLORS[i % COLORS.length]
    const path = points.map(([x, y]) => `${xOf(x)},${axis.yOf(y)}`).join(' ')
    const dots = points.map(([x, y]) => `<circle cx="${xOf(x)}" cy="${axis.yOf(y)}" r="3" fill="${color}"/>`).join('')
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>${dots}
<text x="${LEFT + 8 + 76 * i}" y="${TOP - 6}" style="fill:${color}">${escaped(label)}</text>`
  })
  const named = `<text x="${(LEFT + WIDTH) / 2}" y="${yOf(0, 1) + 32}" text-anchor="middle">${escaped(xLabel)}</text>`
  return `${frame(title, axis)}${ticks.join('')}${named}${drawn.join('')}`
}

type Axis = { readonly marks: readonly number[]; readonly yOf: (value: number) => number }

function linearAxis(top: number): Axis {
  return { marks: [0, 0.25, 0.5, 0.75, 1].map((part) => part * top), yOf: (value) => yOf(value, top) }
}

function decadesAxis(values: readonly number[]): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  return {
    marks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    yOf: (value) => yOf(Math.log10(value) - low, high - low),
  }
}

function frame(title: string, { marks, yOf: at }: Axis): string {
  const lines = marks.map((mark) => {
    const y = at(mark)
    return `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - 10}" y2="${y}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y + 4}" text-anchor="end">${mark < 1 ? mark : rounded(mark)}</text>`
  })
  return `<text class="title" x="${LEFT}" y="18">${escaped(title)}</text>${lines.join('')}`
}

function yOf(value: number, top: number): number {
  return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)
}

function niceTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 5, 10].find((factor) => factor * unit >= value) as number) * unit
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
