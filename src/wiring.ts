import type { Program } from './cli/program.ts'

/** Builds the program from its parts; the only place that imports implementations. */
export function createProgram(): Program {
  throw new Error('not wired yet')
}
