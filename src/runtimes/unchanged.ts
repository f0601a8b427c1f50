import { Failure } from '../errors.ts'

/** RUNTIME_UNCHANGED: what is wrong with a file, and where. `line` counts from 1. */
export function unchanged(path: string, problem: string, line?: number, cause?: unknown): Failure {
  const where = line === undefined ? path : `${path} line ${line}`
  return new Failure('RUNTIME_UNCHANGED', `${where}: ${problem}; nothing was changed`, { cause })
}

/** The line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
