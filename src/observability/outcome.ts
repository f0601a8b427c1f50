import { isFailure } from '../errors.ts'

/** How a request to a source, or the look-up of a name, can end: values of the label `outcome`. */
export const OUTCOMES = [
  'ok',
  'not_found',
  'unavailable',
  'timeout',
  'invalid',
  'denied',
  'limited',
  'overloaded',
  'cancelled',
] as const

export type Outcome = (typeof OUTCOMES)[number]

const NOT_THERE = ['CONTENT_NOT_FOUND', 'NAME_UNKNOWN', 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN'] as const

/** The outcome that a failure stands for; undefined is none. */
export function outcomeOf(failure: unknown): Outcome {
  if (failure === undefined) return 'ok'
  if (isFailure(failure, ...NOT_THERE)) return 'not_found'
  if (isFailure(failure, 'UPSTREAM_DENIED')) return 'denied'
  if (isFailure(failure, 'UPSTREAM_LIMITED')) return 'limited'
  if (isFailure(failure, 'CONTENT_TIMEOUT')) return 'timeout'
  if (isFailure(failure, 'CONTENT_INVALID', 'CONTENT_TOO_LARGE')) return 'invalid'
  if (isFailure(failure, 'OVERLOADED')) return 'overloaded'
  return 'unavailable'
}
