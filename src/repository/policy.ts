import picomatch from 'picomatch'
import { formatContentPath } from '../content/source.ts'
import type { ContentPath } from '../content/source.ts'
import { Failure } from '../errors.ts'
import { parseCid } from '../reference/cid.ts'
import { parseRepositoryName, type MutableName } from '../reference/name.ts'

type Match = (text: string) => boolean

/**
 * Which roots and names this gateway serves. Patterns are globs over `/ipfs/<cid>/<path>` and `/ipns/<name>/<path>`;
 * one that names a folder stands for everything below it. Deny wins; with an allow list, what is not on it is denied.
 */
export class Policy {
  private readonly allow: Match | undefined
  private readonly deny: Match | undefined

  constructor(allow: readonly string[], deny: readonly string[]) {
    this.allow = compile(allow)
    this.deny = compile(deny)
  }

  /** @throws Failure DENIED */
  checkPath(path: ContentPath): void {
    const text = formatContentPath(path)
    if (this.allow !== undefined && !this.allow(text)) throw denied(text, 'it is not on the allow list')
    this.checkDenied(text)
  }

  /** @throws Failure DENIED */
  checkName(name: MutableName, segments: readonly string[]): void {
    const text = ['/ipns', name.text, ...segments].join('/')
    if (this.allow !== undefined && !this.allow(text)) throw denied(text, 'it is not on the allow list')
    this.checkDenied(text)
  }

  /** Where an allowed name leads. @throws Failure DENIED */
  checkTarget(path: ContentPath): void {
    this.checkDenied(formatContentPath(path))
  }

  private checkDenied(text: string): void {
    if (this.deny?.(text) === true) throw denied(text, 'it is on the deny list')
  }
}

function compile(patterns: readonly string[]): Match | undefined {
  if (patterns.length === 0) return undefined
  const globs = patterns.flatMap((pattern) => {
    const plain = canonical(pattern).replace(/\/+$/, '')
    return [plain, `${plain}/**`]
  })
  const match = picomatch(globs, { dot: true, nobrace: true, noextglob: true })
  return (text) => match(text)
}

/** CIDs, keys and domain names have many spellings; requests are compared in one. */
function canonical(pattern: string): string {
  const [, space, id, ...rest] = pattern.split('/')
  if (id === undefined) return pattern
  if (space === 'ipfs') return ['/ipfs', parseCid(id)?.toString() ?? id, ...rest].join('/')
  if (space === 'ipns') return ['/ipns', parseMutableName(id) ?? id.toLowerCase(), ...rest].join('/')
  return pattern
}

/** @returns undefined for a glob, and for domain names with capitals */
function parseMutableName(id: string): string | undefined {
  try {
    const parsed = parseRepositoryName(`ipns/${id}`)
    return parsed.kind === 'ipns' ? parsed.mutable.text : undefined
  } catch {
    return undefined
  }
}

function denied(text: string, why: string): Failure {
  return new Failure('DENIED', `${text} is not served by this gateway: ${why}`)
}
