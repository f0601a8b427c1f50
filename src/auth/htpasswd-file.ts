import { settingsInvalid, type SettingMistake } from '../config/mistakes.ts'
import { ANONYMOUS, EVERY_USER } from './rules.ts'

/** Hashes of passwords by the names of their users. */
export type Htpasswd = ReadonlyMap<string, string>

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
const BCRYPT_START = /^\$2[abxy]?\$/
/** bcrypt's own lower limit. */
const LEAST_COST = 4
/** Each more doubles the time; this takes seconds already. */
const MOST_COST = 16
/** Characters: no user has a name of more. */
export const LONGEST_NAME = 255
const HOW_TO = 'make the line anew by: htpasswd -B'

/**
 * Read a file of users and bcrypt hashes, as Apache's `htpasswd -B` writes it. Empty lines and those that begin with #
 * are passed over.
 *
 * @param where path of the file, for messages
 * @throws Failure SETTINGS_INVALID that lists all mistakes, each with its line, and never a hash
 */
export function parseHtpasswd(text: string, where: string): Htpasswd {
  const hashes = new Map<string, string>()
  const mistakes: SettingMistake[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const user = line.slice(0, Math.max(colon, 0))
    const hash = line.slice(colon + 1)
    const problem =
      (colon === -1 ? 'must be USER:HASH' : undefined) ??
      problemOfUser(user) ??
      problemOfHash(hash) ??
      (hashes.has(user) ? `has the user "${user}" once more` : undefined)
    if (problem === undefined) hashes.set(user, hash)
    else mistakes.push({ where: `${where} line ${index + 1}`, problem })
  }
  if (hashes.size === 0 && mistakes.length === 0) mistakes.push({ where, problem: 'has no user' })
  if (mistakes.length > 0) throw settingsInvalid(mistakes, `the password file ${where} is of no use:`)
  return hashes
}

/** How often the hash goes round, as a power of two. */
export function costOf(hash: string): number {
  return Number(BCRYPT.exec(hash)?.[1])
}

function problemOfUser(user: string): string | undefined {
  if (user === '') return 'has no name of a user'
  if (user.length > LONGEST_NAME) return `has a name of ${user.length} characters`
  if (/[\x00-\x1f\x7f]/.test(user)) return 'has a control character in the name of the user'
  if (user === ANONYMOUS || user === EVERY_USER)
    return `has the user "${user}", which means something else in rules`
  return undefined
}

function problemOfHash(hash: string): string | undefined {
  if (BCRYPT.test(hash)) {
    const cost = costOf(hash)
    if (cost < LEAST_COST) return `has a bcrypt hash of cost ${cost}, which there is none of`
    if (cost > MOST_COST) return `has a bcrypt hash of cost ${cost}; ${MOST_COST} takes seconds already`
    return undefined
  }
  if (BCRYPT_START.test(hash)) return `has a bcrypt hash that is cut or of another kind; ${HOW_TO}`
  const kind = hash.startsWith('$apr1$')
    ? 'an MD5 hash'
    : hash.startsWith('{SHA}')
      ? 'a SHA-1 hash'
      : /^\$[56]\$/.test(hash)
        ? 'a SHA-2 hash'
        : 'no bcrypt hash'
  return `has ${kind}, but only bcrypt is accepted; ${HOW_TO}`
}
