import { execFile } from 'node:child_process'
import { systemCodeOf } from '../../errors.ts'
import { parseJsonObject, stringOf } from '../../layout/json-object.ts'
import { type CredentialAsker, unreadable } from './credential-asker.ts'
import type { Credential } from './credentials.ts'
import { dockerServerOf } from './docker-server.ts'

/** ms that a helper may take: some ask a cloud. */
const TIMEOUT = 20_000

/** Bytes that a helper may answer with. */
const MAX_OUTPUT = 64 * 1024

const NAME = /^[A-Za-z0-9._-]+$/

/** What helpers say, with status 1, when they have nothing for a server. */
const NOTHING = /credentials not found in native keychain/i

/** In place of a user name: the secret is an identity token. */
const TOKEN_USER = '<token>'

/**
 * Ask `docker-credential-<name> get`, as found on the PATH.
 *
 * @returns undefined when it has none
 * @throws Failure CONTENT_UNAVAILABLE when it can't be run, takes too long, or answers nonsense; the signal's reason
 */
export async function askHelper(
  name: string,
  asker: CredentialAsker,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  if (!NAME.test(name)) throw unreadable(asker, 'the name of a credential helper is no file name', {})
  const { stdout, error } = await run(`docker-credential-${name}`, asker, signal)
  if (signal.aborted) throw signal.reason
  if (error !== undefined) {
    if (NOTHING.test(stdout)) return undefined
    throw unreadable(asker, `docker-credential-${name} failed`, { error })
  }
  const answer = parseJsonObject(Buffer.from(stdout))
  const username = stringOf(answer?.['Username'])
  const secret = stringOf(answer?.['Secret'])
  if (username === undefined || secret === undefined) {
    throw unreadable(asker, `docker-credential-${name} answers with no credential`, {})
  }
  if (secret === '') return undefined
  if (username === TOKEN_USER) return { kind: 'identity-token', username: '', token: secret }
  return { kind: 'password', username, password: secret }
}

/** Never rejects, since Node.js puts the output, and with it the secret, into its error. */
function run(
  program: string,
  { host, environment }: CredentialAsker,
  signal: AbortSignal,
): Promise<{ stdout: string; error: string | undefined }> {
  return new Promise((resolve) => {
    const limits = { signal, timeout: TIMEOUT, maxBuffer: MAX_OUTPUT, killSignal: 'SIGKILL' } as const
    const options = environment === undefined ? limits : { ...limits, env: environment }
    const child = execFile(program, ['get'], options, (error, stdout) => {
      resolve({ stdout, error: error === null ? undefined : reasonOf(error) })
    })
    // A helper that does not read what it is asked answers all the same, or has ended already.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(dockerServerOf(host))
  })
}

function reasonOf(error: Error & { killed?: boolean; code?: unknown }): string {
  const code = systemCodeOf(error)
  if (code === 'ENOENT') return 'it is not on the PATH'
  if (code !== undefined) return code
  if (error.killed === true) return `it took longer than ${TIMEOUT / 1000} s`
  return `it ended with status ${String(error.code)}`
}
