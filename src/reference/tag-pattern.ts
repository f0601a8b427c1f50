import { Failure } from '../errors.ts'
import { parseNamePattern } from './name-pattern.ts'

/** A glob over tags of repositories. */
export interface TagPattern {
  /** As it was written. */
  readonly text: string
  matches(repository: string, tag: string): boolean
}

/** Characters that tags are made of (distribution-spec, "Pulling manifests"), and the wildcard. */
const TAG_GLOB = /^[A-Za-z0-9_.*-]{1,128}$/

/**
 * Read `REPOSITORY:TAG`, as `team/**:v*`: a {@link parseNamePattern} glob over repositories, and one over their tags in
 * which `*` stands for any number of characters. Without a tag, all of them.
 *
 * @throws Failure SETTINGS_INVALID for what could match nothing
 */
export function parseTagPattern(text: string): TagPattern {
  const colon = text.lastIndexOf(':')
  const tags = colon === -1 ? '*' : text.slice(colon + 1)
  if (!TAG_GLOB.test(tags)) {
    throw new Failure(
      'SETTINGS_INVALID',
      `"${text.slice(0, 100)}" ends in no tag, nor a glob of them, as in team/**:v*`,
    )
  }
  const repositories = parseNamePattern(colon === -1 ? text : text.slice(0, colon))
  const literals = tags.split('*')
  return {
    text,
    matches: (repository, tag) => repositories.match(repository) !== undefined && globMatches(literals, tag),
  }
}

/** Whether the literals are in the text in their order, the first at its start and the last at its end. */
function globMatches(literals: readonly string[], text: string): boolean {
  const [first = '', ...rest] = literals
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const literal of rest) {
    const found = text.indexOf(literal, at)
    if (found === -1) return false
    at = found + literal.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
