/** How a registry wants to be asked: the `WWW-Authenticate` of its 401. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer'
      /** URL of the token server, as stated. */
      readonly realm: string
      readonly service: string | undefined
    }

interface StatedChallenge {
  /** In lower case. */
  readonly scheme: string
  /** Names in lower case; the first of each name. */
  readonly parameters: ReadonlyMap<string, string>
}

const SEPARATORS = /[ \t,]*/y
const SCHEME = /([!#$%&'*+.^_`|~\w-]+)(?=[ \t,]|$)/y
// Values without quotes are tokens to the standard, and URLs to some registries.
const PARAMETER = /([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y

/**
 * The challenge to meet: Bearer where it is offered, else Basic; undefined where neither is.
 *
 * @param header `WWW-Authenticate`, one line or several, each with one challenge or several (RFC 9110, 11.6.1)
 */
export function challengeIn(header: string | string[] | undefined): Challenge | undefined {
  const stated = [header ?? []].flat().flatMap(statedChallenges)
  for (const { scheme, parameters } of stated) {
    const realm = parameters.get('realm') ?? ''
    if (scheme === 'bearer' && realm !== '') return { scheme, realm, service: parameters.get('service') }
  }
  return stated.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined
}

/** What can be read of one line; the rest of a line that makes no sense is left out. */
function statedChallenges(line: string): StatedChallenge[] {
  const challenges: StatedChallenge[] = []
  let parameters = new Map<string, string>()
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(line) ?? undefined
    if (match !== undefined) at = pattern.lastIndex
    return match
  }
  for (;;) {
    take(SEPARATORS)
    const parameter = take(PARAMETER)
    if (parameter !== undefined) {
      const [, name = '', quoted, plain = ''] = parameter
      const key = name.toLowerCase()
      if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain)
      continue
    }
    const scheme = take(SCHEME)?.[1]
    if (scheme !== undefined) {
      parameters = new Map()
      challenges.push({ scheme: scheme.toLowerCase(), parameters })
      continue
    }
    if (take(TOKEN68) === undefined) return challenges
  }
}
