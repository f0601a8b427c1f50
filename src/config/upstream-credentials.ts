import { toAbsolute } from './absolute-path.ts'
import type { HttpUrl } from './http-url.ts'
import { textOption } from './options.ts'
import type { Options } from './options.ts'
import type { CredentialSetting, SecretSetting } from './upstream-setting.ts'
import { ValueMistake } from './value-mistake.ts'

export const CREDENTIAL_OPTIONS = [
  'username',
  'password',
  'password-file',
  'password-env',
  'identity-token',
  'identity-token-file',
  'identity-token-env',
  'docker-config',
  'credential-helper',
] as const

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Part of a program's name, `docker-credential-<name>`: never a path. */
const HELPER = /^[A-Za-z0-9][A-Za-z0-9._-]*$/
const CONTROL = /[\0-\x1f\x7f]/

/**
 * What one host of an upstream is shown.
 *
 * @param user from its URL
 * @throws ValueMistake
 */
export function credentialsOf(options: Options, user: HttpUrl['user']): CredentialSetting | undefined {
  const password = passwordOf(options, user)
  const token = secretOf(options, 'identity-token')
  const config = textOption(options, 'docker-config')
  const helper = textOption(options, 'credential-helper')
  if (token?.kind === 'value' && !/^[\x21-\x7e]+$/.test(token.value))
    throw new ValueMistake('has an identity-token with spaces or unprintable characters')
  if (helper !== undefined && !HELPER.test(helper))
    throw new ValueMistake('has a credential-helper that is not the NAME of a program docker-credential-NAME')
  const given: CredentialSetting[] = []
  if (password !== undefined) given.push(password)
  if (token !== undefined) given.push({ kind: 'identity-token', token })
  if (config !== undefined) given.push({ kind: 'docker-config', path: toAbsolute(config) })
  if (helper !== undefined) given.push({ kind: 'helper', name: helper })
  if (given.length > 1) {
    const kinds = given.map(({ kind }) => (kind === 'helper' ? 'credential-helper' : kind))
    throw new ValueMistake(`has several credentials: ${kinds.join(', ')}`)
  }
  return given[0]
}

function passwordOf(options: Options, user: HttpUrl['user']): CredentialSetting | undefined {
  const username = textOption(options, 'username')
  const password = secretOf(options, 'password')
  if (user === undefined && username === undefined && password === undefined) return undefined
  if (user !== undefined && (username !== undefined || password !== undefined))
    throw new ValueMistake('has several credentials: one in its address, and another')
  const name = user?.name ?? username ?? ''
  const secret: SecretSetting | undefined =
    user === undefined || user.password === '' ? password : { kind: 'value', value: user.password }
  if (name === '') throw new ValueMistake('has a password without a username')
  if (secret === undefined) throw new ValueMistake('has a username without a password')
  // RFC 7617, section 2.
  if (name.includes(':') || CONTROL.test(name))
    throw new ValueMistake('has a username with a colon or unprintable characters')
  if (secret.kind === 'value' && CONTROL.test(secret.value))
    throw new ValueMistake('has a password with unprintable characters')
  return { kind: 'password', username: name, password: secret }
}

function secretOf(options: Options, key: 'password' | 'identity-token'): SecretSetting | undefined {
  const given = [key, `${key}-file`, `${key}-env`].filter((one) => options.has(one))
  if (given.length > 1) throw new ValueMistake(`has both ${given.map((one) => `a ${one}`).join(' and ')}`)
  const [value, file, name] = [key, `${key}-file`, `${key}-env`].map((one) => textOption(options, one))
  if (value !== undefined) return { kind: 'value', value }
  if (file !== undefined) return { kind: 'file', path: toAbsolute(file) }
  if (name === undefined) return undefined
  if (!VARIABLE.test(name)) throw new ValueMistake(`has a ${key}-env that is no name of a variable`)
  return { kind: 'environment', name }
}
