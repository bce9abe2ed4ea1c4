import type { Reporter, TestModule } from 'vitest/node'

/** Fails a run in which any test was skipped: on a user's machine a skip is a note, in CI it is a hole. */
export class NoSkips implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
    for (const test of skipped)
      console.error(`skipped, which CI does not accept: ${test.module.moduleId} > ${test.fullName}`)
    if (skipped.length > 0) process.exitCode = 1
  }
}
