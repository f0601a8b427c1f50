import { isFailure } from '../errors.ts'
import { checkTemplate, expand, parseNamePattern, type NamePattern } from '../reference/name-pattern.ts'
import { parseTagPattern } from '../reference/tag-pattern.ts'
import type { Rewrite } from './upstream-setting.ts'
import { ValueMistake } from './value-mistake.ts'

/** A path component (distribution-spec, "Pulling manifests"). */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/

/** A glob over the repositories of one registry, as `library/*`. @throws ValueMistake */
export function parseRepositoryGlob(text: string): string {
  if (text.includes(':'))
    throw new ValueMistake(`has the glob "${text}" with a colon, which no repository has`)
  return patternOf(text).text
}

/** A glob over names, with or without a registry in front: `mycorp/**`, `ghcr.io/org/*`. @throws ValueMistake */
export function parseNameGlob(text: string): string {
  return patternOf(text).text
}

/** A glob over tags of repositories: `team/**:v*`. @throws ValueMistake */
export function parseTagGlob(text: string): string {
  return said(() => parseTagPattern(text)).text
}

/** `FROM>TO`, as `library/*>hub/library/$1`. @throws ValueMistake */
export function parseRewrite(text: string): Rewrite {
  const [from, to, ...more] = text.split('>')
  if (from === undefined || to === undefined || more.length > 0)
    throw new ValueMistake(`has the rewrite "${text}", which is not FROM>TO, as library/*>hub/library/$1`)
  return checkRewrite(from.trim(), to.trim())
}

/** @throws ValueMistake */
export function checkRewrite(from: string, to: string): Rewrite {
  const pattern = patternOf(parseRepositoryGlob(from))
  said(() => checkTemplate(to, pattern))
  const example = expand(to, Array<string>(pattern.wildcards).fill('x'))
  if (!example.split('/').every((component) => COMPONENT.test(component)))
    throw new ValueMistake(`has a rewrite to "${to}", which is no name of a repository`)
  return { from, to }
}

function patternOf(text: string): NamePattern {
  return said(() => parseNamePattern(text))
}

/** What is wrong, in the words of a setting. */
function said<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!isFailure(error, 'SETTINGS_INVALID')) throw error
    throw new ValueMistake(`has a glob or rewrite that can't be: ${error.message}`)
  }
}
