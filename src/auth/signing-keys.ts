import { randomBytes } from 'node:crypto'
import { settingsInvalid } from '../config/mistakes.ts'

/** The first signs; what was signed with any of them is accepted. */
export type SigningKeys = readonly [string, ...string[]]

/** Characters: as many bits as HMAC-SHA256 can use, in hexadecimal digits. */
const SHORTEST = 32

/**
 * Read the keys that tokens are signed with, one a line. Two of them let keys be exchanged without refusing anybody: the
 * new one is added at the end everywhere, then made the first.
 *
 * @param where path of the file, for messages
 * @throws Failure SETTINGS_INVALID that never tells a key
 */
export function parseSigningKeys(text: string, where: string): SigningKeys {
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const wrong = keys.findIndex((key) => key.length < SHORTEST)
  const [first, ...others] = keys
  if (first !== undefined && wrong === -1) return [first, ...others]
  const problem =
    first === undefined ? 'has no key' : `has a key of fewer than ${SHORTEST} characters in line ${wrong + 1}`
  throw settingsInvalid([{ where, problem: `${problem}; make one by: openssl rand -hex 32` }])
}

/** A key that nobody else has, for a gateway alone. */
export function newSigningKeys(): SigningKeys {
  return [randomBytes(32).toString('hex')]
}
