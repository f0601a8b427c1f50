import { isFailure } from '../errors.ts'

/** How a request to a source, or the look-up of a name, can end: values of the label `outcome`. */
export const OUTCOMES = [
  'ok',
  'not_found',
  'unavailable',
  'timeout',
  'invalid',
  'overloaded',
  'cancelled',
] as const

export type Outcome = (typeof OUTCOMES)[number]

/** The outcome that a failure stands for; undefined is none. */
export function outcomeOf(failure: unknown): Outcome {
  if (failure === undefined) return 'ok'
  if (isFailure(failure, 'CONTENT_NOT_FOUND')) return 'not_found'
  if (isFailure(failure, 'CONTENT_TIMEOUT')) return 'timeout'
  if (isFailure(failure, 'CONTENT_INVALID', 'CONTENT_TOO_LARGE')) return 'invalid'
  if (isFailure(failure, 'OVERLOADED')) return 'overloaded'
  return 'unavailable'
}
