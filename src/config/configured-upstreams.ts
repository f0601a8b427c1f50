import { X509Certificate } from 'node:crypto'
import { messageOf } from '../errors.ts'
import type { ConfiguredUpstream, ConfiguredUpstreamHost, SettingValues } from './config.ts'
import type { Environment } from './environment.ts'
import type { SettingMistake } from './mistakes.ts'
import { namedUpstreams } from './upstream-consistency.ts'
import type {
  Credential,
  CredentialSetting,
  Secret,
  SecretSetting,
  UpstreamHostSetting,
} from './upstream-setting.ts'

/** Where what the settings only name is read from. */
export interface Surroundings {
  readonly env: Environment
  readonly readFile: (path: string) => Promise<string>
}

/** The upstreams, their files found readable, what is in the environment read, what is left open filled in. */
export async function configuredUpstreams(
  values: SettingValues,
  surroundings: Surroundings,
  mistakes: SettingMistake[],
): Promise<ConfiguredUpstream[]> {
  const upstreams: ConfiguredUpstream[] = []
  for (const setting of namedUpstreams(values.upstream)) {
    const reading = new Reading(setting.name, surroundings, mistakes)
    const hosts: ConfiguredUpstreamHost[] = []
    for (const host of setting.hosts) hosts.push(await configuredHost(host, values, reading))
    upstreams.push({ ...setting, hosts })
  }
  return upstreams
}

async function configuredHost(
  host: UpstreamHostSetting,
  values: SettingValues,
  reading: Reading,
): Promise<ConfiguredUpstreamHost> {
  const { caFile, credentials, concurrency = values.upstreamConcurrency, ...rest } = host
  return {
    ...rest,
    concurrency,
    ca: caFile === undefined ? undefined : await reading.file('ca', caFile, certificateProblem),
    credentials: credentials === undefined ? undefined : await configuredCredential(credentials, reading),
  }
}

async function configuredCredential(
  credential: CredentialSetting,
  reading: Reading,
): Promise<Credential<Secret>> {
  switch (credential.kind) {
    case 'password':
      return { ...credential, password: await reading.secret('password', credential.password) }
    case 'identity-token':
      return { ...credential, token: await reading.secret('identity-token', credential.token) }
    case 'docker-config':
      await reading.file('docker-config', credential.path, dockerConfigProblem)
      return credential
    case 'helper':
      return credential
  }
}

/** Looks things up for one upstream, and notes what is wrong with them. */
class Reading {
  private readonly upstream: string
  private readonly surroundings: Surroundings
  private readonly mistakes: SettingMistake[]

  constructor(upstream: string, surroundings: Surroundings, mistakes: SettingMistake[]) {
    this.upstream = upstream
    this.surroundings = surroundings
    this.mistakes = mistakes
  }

  /** Text of a file. @param problemOf what is wrong with it, if anything */
  async file(
    option: string,
    path: string,
    problemOf: (text: string) => string | undefined,
  ): Promise<string | undefined> {
    let text: string
    try {
      text = await this.surroundings.readFile(path)
    } catch (error) {
      this.wrong(`${option} ${path}`, `could not be read: ${messageOf(error)}`)
      return undefined
    }
    const problem = problemOf(text)
    if (problem !== undefined) this.wrong(`${option} ${path}`, problem)
    return text
  }

  /** The secret with the environment looked up. One in a file stays there: it may be another when it is used. */
  async secret(option: string, secret: SecretSetting): Promise<Secret> {
    if (secret.kind === 'value') return secret
    if (secret.kind === 'file') {
      await this.file(`${option}-file`, secret.path, secretProblem)
      return secret
    }
    const value = (this.surroundings.env[secret.name] ?? '').replace(/\r?\n$/, '')
    const problem = value === '' ? 'is not set' : secretProblem(value)
    if (problem !== undefined) this.wrong(`${option}-env ${secret.name}`, problem)
    return { kind: 'value', value }
  }

  private wrong(what: string, problem: string): void {
    this.mistakes.push({ where: `upstream ${this.upstream} ${what}`, problem })
  }
}

function secretProblem(text: string): string | undefined {
  const secret = text.trim()
  if (secret === '') return 'is empty'
  return /[\0-\x1f\x7f]/.test(secret) ? 'has more than one line, or unprintable characters' : undefined
}

function certificateProblem(text: string): string | undefined {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
  if (certificates === null) return 'has no certificate in PEM'
  try {
    for (const certificate of certificates) new X509Certificate(certificate)
  } catch {
    return 'has a malformed certificate'
  }
  return undefined
}

/** What is wrong with it is not quoted: it has secrets. */
function dockerConfigProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined
  } catch {
    // Said below.
  }
  return 'is no JSON object, as the config.json of docker is'
}
