import { Failure, messageOf } from '../errors.ts'
import { parseRepositoryName } from '../reference/name.ts'
import { checkTemplate, expand } from '../reference/name-pattern.ts'
import type { NamePattern } from '../reference/name-pattern.ts'

/**
 * The path that a matching name leads to: `ipfs/<cid>/<path>` or `ipns/<name>/<path>`.
 *
 * @throws Failure NAME_INVALID when the captures make none
 */
export type MappingTarget = (captures: readonly string[]) => string

/** What stands for a root that captures are yet to name. */
const STAND_IN = 'example.org'

/**
 * @param text `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>`, with captures of the pattern anywhere behind the second
 *   slash
 * @throws Failure SETTINGS_INVALID or NAME_INVALID when no name could make a path of it
 */
export function parseTarget(text: string, pattern: NamePattern): MappingTarget {
  const [front, space, root = '', ...rest] = text.split('/')
  if (front !== '' || (space !== 'ipfs' && space !== 'ipns') || root === '') throw noPath(text)
  checkTemplate(text, pattern)
  const known = pattern.wildcards === 0 || !root.includes('$')
  // A letter fits beside whatever a capture may stand beside, so what is no path with letters never is one.
  const letters = Array<string>(pattern.wildcards).fill('a')
  const example = expand([space, known ? root : STAND_IN, ...rest].join('/'), letters)
  if (parseRepositoryName(example).kind !== space && known) throw noPath(text)
  if (pattern.wildcards === 0) return () => example
  return (captures) => {
    const path = expand(text.slice(1), captures)
    try {
      if (parseRepositoryName(path).kind !== space) throw noPath(`/${path}`)
      return path
    } catch (error) {
      const message = `the rule "${pattern.text}" of the mapping makes no path of this name: ${messageOf(error)}`
      throw new Failure('NAME_INVALID', message, { cause: error })
    }
  }
}

function noPath(text: string): Failure {
  return new Failure(
    'NAME_INVALID',
    `${JSON.stringify(text.slice(0, 200))} is neither /ipfs/<cid> nor /ipns/<name>, with or without a path behind it`,
  )
}
