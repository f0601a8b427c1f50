import { readFile } from 'node:fs/promises'
import { Flights } from '../../cache/flights.ts'
import { systemCodeOf } from '../../errors.ts'
import { type CredentialAsker, unreadable } from './credential-asker.ts'
import { askHelper } from './docker-credential.ts'
import { credentialInDockerConfig } from './docker-config.ts'

/** What a registry, or its token server, is shown. */
export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token; some token servers want to know whose. */
  | { readonly kind: 'identity-token'; readonly username: string; readonly token: string }

/** Where the credential for one registry comes from. */
export interface Credentials {
  /**
   * @returns undefined where there is none for this registry
   * @throws Failure CONTENT_UNAVAILABLE when it can't be read; the signal's reason
   */
  get(signal: AbortSignal): Promise<Credential | undefined>
  /** It was refused: what was read is read anew by the next {@link get}. */
  invalidate(refused: Credential | undefined): void
}

/** A secret, or the file it is in. */
export type SecretSetting =
  { readonly kind: 'value'; readonly value: string } | { readonly kind: 'file'; readonly path: string }

export type CredentialSetting =
  | { readonly kind: 'password'; readonly username: string; readonly password: SecretSetting }
  | { readonly kind: 'identity-token'; readonly token: SecretSetting }
  /** Path of a docker `config.json`. */
  | { readonly kind: 'docker-config'; readonly path: string }
  /** `docker-credential-<name>` */
  | { readonly kind: 'helper'; readonly name: string }

/** @param asker on whose behalf, see there */
export function createCredentials(setting: CredentialSetting, asker: CredentialAsker): Credentials {
  return new KeptCredentials((signal) => read(setting, asker, signal))
}

/** Whether showing the one is the same as showing the other. */
export function sameCredential(one: Credential | undefined, other: Credential | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Read once, however many ask, and kept until it is refused. */
class KeptCredentials implements Credentials {
  readonly #read: (signal: AbortSignal) => Promise<Credential | undefined>
  readonly #reads = new Flights<Credential | undefined>(0)
  #kept: { readonly credential: Credential | undefined } | undefined

  constructor(read: (signal: AbortSignal) => Promise<Credential | undefined>) {
    this.#read = read
  }

  async get(signal: AbortSignal): Promise<Credential | undefined> {
    if (this.#kept !== undefined) return this.#kept.credential
    return this.#reads.join('', signal, async (whileWanted) => {
      const credential = await this.#read(whileWanted)
      this.#kept = { credential }
      return credential
    })
  }

  invalidate(refused: Credential | undefined): void {
    // Whoever was refused later has seen the same one, or somebody has read anew since.
    if (this.#kept?.credential === refused) this.#kept = undefined
  }
}

async function read(
  setting: CredentialSetting,
  asker: CredentialAsker,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  switch (setting.kind) {
    case 'password': {
      const password = await secret(setting.password, asker, signal)
      return { kind: 'password', username: setting.username, password }
    }
    case 'identity-token':
      return { kind: 'identity-token', username: '', token: await secret(setting.token, asker, signal) }
    case 'docker-config':
      return credentialInDockerConfig(
        await readText(setting.path, asker, signal),
        setting.path,
        asker,
        signal,
      )
    case 'helper':
      return askHelper(setting.name, asker, signal)
  }
}

async function secret(setting: SecretSetting, asker: CredentialAsker, signal: AbortSignal): Promise<string> {
  if (setting.kind === 'value') return setting.value
  return (await readText(setting.path, asker, signal)).replace(/\r?\n$/, '')
}

async function readText(path: string, asker: CredentialAsker, signal: AbortSignal): Promise<string> {
  try {
    return await readFile(path, { encoding: 'utf8', signal })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw unreadable(asker, 'the file can not be read', { path, error: systemCodeOf(error) ?? 'unreadable' })
  }
}
