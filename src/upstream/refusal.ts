import { type Answer, headerOf } from '../content/transport/exchange.ts'
import { quoted, retryAfter, wholeTextOf } from '../content/transport/refusal.ts'
import { Failure } from '../errors.ts'
import { isJsonObject, parseJsonObject } from '../layout/json-object.ts'
import type { Asked } from './asked.ts'
import type { Credential } from './auth/credentials.ts'
import { OperatorNote } from './operator-note.ts'

/** What a 404 says that does not say it itself. */
const ABSENCE = {
  manifest: 'MANIFEST_UNKNOWN',
  blob: 'BLOB_UNKNOWN',
  tags: 'NAME_UNKNOWN',
  referrers: 'MANIFEST_UNKNOWN',
} as const

/** An answer to a question to a registry. */
export interface RegistryAnswer extends Answer {
  /** Whether it is from where the registry has sent us, and not from itself. */
  readonly elsewhere: boolean
}

/**
 * What an answer with an unwelcome status means, as a Failure to throw. Reads or discards the body. For 401, 403 and
 * 429 of the registry itself see {@link denied} and Pause.
 *
 * @param name of the registry
 */
export async function refusalOf(name: string, answer: RegistryAnswer, asked: Asked): Promise<Failure> {
  const { status, elsewhere } = answer
  // A storage that lacks what the registry has sent us for says nothing of what the registry has.
  if (status === 404 && !elsewhere) return absence(name, answer, asked)
  answer.body.drain()
  const message = `${name} can't give ${asked.text} now: ${elsewhere ? 'its storage' : 'it'} answers ${status}`
  const seconds = retryAfter(answer)
  const options = seconds === undefined ? {} : { retryAfter: seconds }
  if (status === 429) return new Failure('UPSTREAM_LIMITED', message, options)
  if (status === 408 || status === 504) return new Failure('CONTENT_TIMEOUT', message, options)
  return new Failure('CONTENT_UNAVAILABLE', message, options)
}

/** By the code in the body (distribution-spec, "Error Codes"), else by what was asked for. */
async function absence(name: string, answer: Answer, asked: Asked): Promise<Failure> {
  const document = parseJsonObject(Buffer.from(await wholeTextOf(answer)))
  const errors: unknown = document?.['errors']
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  const stated = isJsonObject(first) ? first['code'] : undefined
  const code = Object.values(ABSENCE).find((one) => one === stated) ?? ABSENCE[asked.kind]
  const message =
    code === 'NAME_UNKNOWN'
      ? `${name} has no repository ${asked.repository}`
      : `${name} does not have ${asked.text}`
  return new Failure(code, message, { detail: { name: asked.repository } })
}

/** What was shown to whoever refuses. */
export interface Shown {
  readonly credential: Credential | undefined
  /** The Authorization header, where there was one. */
  readonly authorization?: string | undefined
}

/** 401 or 403. @param by who refuses: the registry, or its token server */
export async function denied(
  name: string,
  repository: string,
  answer: Answer,
  { by, shown }: { by: string; shown: Shown },
): Promise<Failure> {
  const message = `${name} does not let this gateway read ${repository}: it does not exist, or needs other credentials`
  const cause = new OperatorNote(`${by} refuses to let this gateway read ${repository}`, {
    repository,
    status: answer.status,
    credentials: shown.credential?.kind ?? 'none',
    answer: await saidIn(answer, shown),
  })
  return new Failure('UPSTREAM_DENIED', message, { cause })
}

/** What an answer says, unless it repeats what it was shown. */
async function saidIn(answer: Answer, { credential, authorization = '' }: Shown): Promise<string> {
  const text = await wholeTextOf(answer)
  const [, shown = ''] = authorization.split(' ')
  const secret = credential?.kind === 'password' ? credential.password : credential?.token
  const repeats = [shown, secret ?? ''].some((one) => one !== '' && text.includes(one))
  return repeats ? '(not shown, since it repeats the credentials)' : quoted(text)
}

/** A page for people, where a registry was to answer: a proxy, a login. */
export function isPage(answer: Answer): boolean {
  return headerOf(answer, 'content-type').toLowerCase().startsWith('text/html')
}

export function noAnswer(name: string, what: string, why: string): Failure {
  return new Failure('CONTENT_INVALID', `what ${name} answers is not ${what}: ${why}`)
}
