import { Failure } from '../errors.ts'

/** A glob over repository names. */
export interface NamePattern {
  /** As it was written. */
  readonly text: string
  /** Captures that a match has; a pattern without any matches one name, its own text. */
  readonly wildcards: number
  /** @returns what each wildcard stands for, in their order; undefined when the name does not match */
  match(name: string): readonly string[] | undefined
}

/** Characters; names with a registry or a CID in front are longer than 255. */
const MAX_LENGTH = 1024
/** As many as a template can name. */
const MAX_WILDCARDS = 9

/**
 * Read a glob over repository names. `*` stands for any number of characters of one component, also none (`app*` is
 * also `app`); `**`, between slashes, for one component or more. Each takes as much as the rest of the pattern allows,
 * the first one first. All else stands for itself, slashes too: `app/**` is not `app`.
 *
 * A match takes time in proportion to the length of the name times that of the pattern at most.
 *
 * @throws Failure SETTINGS_INVALID for what could match no name
 */
export function parseNamePattern(text: string): NamePattern {
  const problem = problemOf(text)
  if (problem !== undefined)
    throw new Failure('SETTINGS_INVALID', `${shown(text)} is no pattern of repository names: ${problem}`)
  const parts = text.split(/(\*+)/)
  const literals = parts.filter((_part, index) => index % 2 === 0)
  const wildcards = parts.filter((_part, index) => index % 2 === 1).map((stars) => stars === '**')
  return {
    text,
    wildcards: wildcards.length,
    match: wildcards.length === 0 ? exactly(text) : globbed(literals, wildcards),
  }
}

/**
 * Put captures into a template: `$1` is the first of them, `$$` a dollar sign.
 *
 * @param template one that {@link checkTemplate} has passed for the pattern
 */
export function expand(template: string, captures: readonly string[]): string {
  return template.replace(/\$([$1-9])/g, (_reference, which: string) =>
    which === '$' ? '$' : (captures[Number(which) - 1] ?? ''),
  )
}

/** @throws Failure SETTINGS_INVALID when the template names a capture that the pattern does not have */
export function checkTemplate(template: string, pattern: NamePattern): void {
  for (const [reference, which = ''] of template.matchAll(/\$(.?)/gsu)) {
    if (which === '$') continue
    if (!/[1-9]/.test(which)) {
      throw new Failure(
        'SETTINGS_INVALID',
        `${shown(template)} has "${reference}"; captures are $1 to $9, and $$ is a dollar sign`,
      )
    }
    if (Number(which) > pattern.wildcards) {
      throw new Failure(
        'SETTINGS_INVALID',
        `${shown(template)} has ${reference}, but ${shown(pattern.text)} has ${countOf(pattern.wildcards)}`,
      )
    }
  }
}

function problemOf(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return `it has ${text.length} characters; ${MAX_LENGTH} are allowed`
  if (/[A-Z]/.test(text)) return 'names are lower case'
  const [odd] = /[^a-z0-9._/:*-]/u.exec(text) ?? []
  if (odd !== undefined) return `${JSON.stringify(odd)} is in no name; * and ** are the only wildcards`
  const components = text.split('/')
  if (components.includes('')) return 'it has an empty component'
  if (components.some((one) => one.includes('**') && one !== '**'))
    return '** stands for whole components only'
  if (/:.*:|:(?!(?:\d{1,5}|\*)\/)|\/.*:/.test(text))
    return 'a colon stands before the port of a registry only; tags and digests are no part of a name'
  const wildcards = text.match(/\*+/g)?.length ?? 0
  return wildcards > MAX_WILDCARDS ? `it has ${wildcards} wildcards; ${MAX_WILDCARDS} are allowed` : undefined
}

function exactly(text: string): NamePattern['match'] {
  return (name) => (name === text ? [] : undefined)
}

/** @param across for each wildcard between two literals, whether it is `**` */
function globbed(literals: readonly string[], across: readonly boolean[]): NamePattern['match'] {
  const [first = ''] = literals
  const last = literals.at(-1) ?? ''
  const shortest = literals.join('').length
  return (name) => {
    if (name.length < shortest || !name.startsWith(first) || !name.endsWith(last)) return undefined
    const ends = furthestEnds(name, literals, across)
    const captures: string[] = []
    let start = first.length
    for (const [index, end] of ends.entries()) {
      const to = end[start + least(across[index])] ?? -1
      if (to === -1) return undefined
      captures.push(name.slice(start, to))
      start = to + (literals[index + 1] ?? '').length
    }
    return captures
  }
}

/**
 * For each wildcard and each position in the name that it may have come to, where it ends at the latest so that
 * what is behind it in the pattern matches what is behind it in the name; -1 where it can't. Worked out from the last
 * wildcard to the first, so that nothing is ever tried twice.
 */
function furthestEnds(name: string, literals: readonly string[], across: readonly boolean[]): Int32Array[] {
  const ends = across.map(() => new Int32Array(name.length + 2).fill(-1))
  for (const [index, end] of [...ends.entries()].reverse()) {
    const literal = literals[index + 1] ?? ''
    const next = ends[index + 1]
    const restFits = (at: number): boolean =>
      next === undefined
        ? at === name.length - literal.length
        : name.startsWith(literal, at) && next[at + literal.length + least(across[index + 1])] !== -1
    for (let at = name.length; at >= 0; at--) {
      const further = name[at] === '/' && across[index] !== true ? -1 : (end[at + 1] ?? -1)
      end[at] = further === -1 && restFits(at) ? at : further
    }
  }
  return ends
}

/** Characters that a wildcard stands for at least. */
function least(across: boolean | undefined): number {
  return across === true ? 1 : 0
}

function countOf(wildcards: number): string {
  if (wildcards === 0) return 'no wildcard'
  return wildcards === 1 ? 'one wildcard' : `${wildcards} wildcards`
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
