import { isJsonObject, parseJsonObject, stringOf, type JsonObject } from '../../layout/json-object.ts'
import { type CredentialAsker, unreadable } from './credential-asker.ts'
import { askHelper } from './docker-credential.ts'
import type { Credential } from './credentials.ts'
import { meansHost } from './docker-server.ts'

/**
 * The credential for a registry that a docker `config.json` leads to: its helper (`credHelpers`), else the store
 * (`credsStore`), else what is in the file itself (`auths`).
 *
 * @param path of the file, for messages
 * @throws Failure CONTENT_UNAVAILABLE when the text is no such file, or a helper fails
 */
export async function credentialInDockerConfig(
  text: string,
  path: string,
  asker: CredentialAsker,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  const config = parseJsonObject(Buffer.from(text))
  if (config === undefined) throw unreadable(asker, 'the docker config is no JSON object', { path })
  const helper = stringOf(entryFor(config['credHelpers'], asker.host))
  if (helper !== undefined) return askHelper(helper, asker, signal)
  const store = stringOf(config['credsStore']) ?? ''
  const stored = store === '' ? undefined : await askHelper(store, asker, signal)
  return stored ?? credentialOf(entryFor(config['auths'], asker.host))
}

/** The entry for a host, the one under its plain name before others. */
function entryFor(entries: unknown, host: string): unknown {
  if (!isJsonObject(entries)) return undefined
  const keys = Object.keys(entries).filter((key) => meansHost(key, host))
  const key = keys.find((one) => one === host) ?? keys[0]
  return key === undefined ? undefined : entries[key]
}

function credentialOf(entry: unknown): Credential | undefined {
  if (!isJsonObject(entry)) return undefined
  const { username, password } = passwordOf(entry)
  const token = stringOf(entry['identitytoken']) ?? ''
  if (token !== '') return { kind: 'identity-token', username, token }
  return password === '' ? undefined : { kind: 'password', username, password }
}

/** `auth` is user and password in base64; Kubernetes also writes them as they are. */
function passwordOf(entry: JsonObject): { username: string; password: string } {
  const auth = Buffer.from(stringOf(entry['auth']) ?? '', 'base64').toString('utf8')
  const colon = auth.indexOf(':')
  if (colon === -1) {
    return { username: stringOf(entry['username']) ?? '', password: stringOf(entry['password']) ?? '' }
  }
  // Old versions of docker have padded it with zeros.
  return { username: auth.slice(0, colon), password: auth.slice(colon + 1).replace(/\0+$/, '') }
}
