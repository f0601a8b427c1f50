import { below, type ContentPath } from '../content/source.ts'
import { Failure, messageOf } from '../errors.ts'
import type { MutableName } from '../reference/name.ts'
import type { NameAnswer } from './resolver.ts'
import { parseTarget, type NameTarget } from './target.ts'

/** Where a name led. */
export interface FollowedChain {
  readonly path: ContentPath
  /** ms: the shortest of the steps, where `ttlDefault` stands for those without one. */
  readonly ttl: number
  /** ms since the epoch: the earliest of the steps; undefined when none has one. */
  readonly validUntil: number | undefined
  /** Texts of the IPNS keys on the way. */
  readonly keys: readonly string[]
}

export interface FollowOptions {
  /** One step. */
  readonly ask: (name: MutableName) => Promise<NameAnswer>
  /** Most steps. */
  readonly steps: number
  /** ms */
  readonly ttlDefault: number
}

/**
 * Follow a mutable name to an immutable path: `/ipns/a` → `/ipns/b/x` → `/ipfs/<cid>/y/x`.
 *
 * @throws Failure NAME_UNRESOLVED for a cycle, too many steps or a value that can't be followed, and what `ask` throws
 */
export async function followChain(start: MutableName, options: FollowOptions): Promise<FollowedChain> {
  const way: string[] = []
  const keys: string[] = []
  let name = start
  let trailing: readonly string[] = []
  let ttl = Infinity
  let validUntil = Infinity
  for (;;) {
    if (way.includes(name.text)) throw endless(start, [...way, name.text], 'leads back to itself')
    if (way.length >= options.steps) throw endless(start, way, `has more than ${options.steps} steps`)
    way.push(name.text)
    if (name.kind === 'key') keys.push(name.text)

    const answer = await options.ask(name)
    ttl = Math.min(ttl, answer.ttl === undefined ? options.ttlDefault : answer.ttl * 1000)
    validUntil = Math.min(validUntil, answer.validUntil ?? Infinity)

    const target = targetOf(name, answer)
    if (target.kind === 'ipfs') {
      const path = below(target.path, ...trailing)
      return { path, ttl, validUntil: validUntil === Infinity ? undefined : validUntil, keys }
    }
    name = target.name
    trailing = [...target.segments, ...trailing]
  }
}

function targetOf(name: MutableName, answer: NameAnswer): NameTarget {
  try {
    return parseTarget(answer.value)
  } catch (error) {
    throw new Failure('NAME_UNRESOLVED', `${name.text} leads nowhere. ${messageOf(error)}`, { cause: error })
  }
}

function endless(start: MutableName, way: readonly string[], why: string): Failure {
  return new Failure('NAME_UNRESOLVED', `${start.text} ${why}: ${way.join(' → ')}`)
}
