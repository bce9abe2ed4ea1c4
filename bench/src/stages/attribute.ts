import type { CpuProfile, ProfileNode } from './inspector.ts'

/** Samples whose stack holds a function of one of these files, the innermost that has a rule, are of the stage. */
export type StageRule = {
  readonly stage: string
  readonly files: readonly string[]
  readonly functions?: readonly string[]
}

export const GARBAGE = 'garbage collection'
/** Native code that no JavaScript function has called: the event loop, sockets, messages between threads. */
export const NATIVE = 'native code outside JavaScript'
/** JavaScript that no rule names. */
export const UNNAMED = 'not attributed'

/** Parts of the time that a thread was busy, by stage; they add up to 1 unless it never was. */
export function stageParts(profile: CpuProfile, rules: readonly StageRule[]): ReadonlyMap<string, number> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  )
  const known = new Map<number, string | undefined>()
  const stageOf = (id: number): string | undefined => {
    if (known.has(id)) return known.get(id)
    const node = nodes.get(id) as ProfileNode
    const parent = parents.get(id)
    const stage = ruledStage(node, rules) ?? (parent === undefined ? undefined : stageOf(parent))
    known.set(id, stage)
    return stage
  }
  // Samples are counted, not weighed with the time until the next: a thread that has lost its core is sampled once when it
  // goes on, and what happened to run then would be charged with all that others used meanwhile.
  const counts = new Map<string, number>()
  let busy = 0
  for (const id of profile.samples) {
    const { functionName } = (nodes.get(id) as ProfileNode).callFrame
    if (functionName === '(idle)') continue
    const stage = specialStage(functionName) ?? stageOf(id) ?? UNNAMED
    counts.set(stage, (counts.get(stage) ?? 0) + 1)
    busy++
  }
  return new Map([...counts].map(([stage, count]) => [stage, count / busy]))
}

function specialStage(functionName: string): string | undefined {
  if (functionName === '(garbage collector)') return GARBAGE
  return functionName === '(program)' ? NATIVE : undefined
}

function ruledStage({ callFrame }: ProfileNode, rules: readonly StageRule[]): string | undefined {
  const { url, functionName } = callFrame
  if (url === '') return undefined
  return rules.find(
    ({ files, functions }) =>
      files.some((file) => url.includes(file)) && (functions === undefined || functions.includes(functionName)),
  )?.stage
}
