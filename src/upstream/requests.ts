import { type Answer, ask, headerOf } from '../content/transport/exchange.ts'
import { retryAfter } from '../content/transport/refusal.ts'
import { Failure } from '../errors.ts'
import type { Asked } from './asked.ts'
import type { Authorization, Grant } from './auth/authorization.ts'
import { endpointFor, type HostAccess, urlOf } from './host-access.ts'
import type { Rate } from './rate.ts'
import { badRedirect, isRedirect, locationOf, objectionTo } from './redirect.ts'
import { denied, type RegistryAnswer } from './refusal.ts'
import type { RegistryCall } from './registry.ts'

const MAX_REDIRECTS = 5

/** Requests for one question: without authorization, with a token that has ended, a new one, and new credentials. */
const MAX_TRIES = 4

export interface RegistryQuestion extends RegistryCall {
  readonly method: 'GET' | 'HEAD'
  readonly query?: URLSearchParams | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Whether to ask again after a moment where that can help; for what is small, and asked by GET. Default false. */
  readonly retry?: boolean
  /** Default true. */
  readonly follow?: boolean
}

/** Questions to one host: authorized as it wants, redirects followed as far as is safe. */
export class HostRequests {
  readonly #access: HostAccess
  readonly #authorization: Authorization
  readonly #rate: Rate | undefined

  constructor(access: HostAccess, options: { authorization: Authorization; rate: Rate | undefined }) {
    this.#access = access
    this.#authorization = options.authorization
    this.#rate = options.rate
  }

  /**
   * @returns an answer that is neither 401, 403 nor 429 of the host itself, nor a redirect that is to be followed
   * @throws Failure see Registry
   */
  async ask(asked: Asked, question: RegistryQuestion): Promise<RegistryAnswer> {
    const { name } = this.#access
    const { signal } = question
    let grant = await this.#authorization.grant(asked, signal)
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#follow(asked, question, grant)
      const { status } = answer
      if (answer.elsewhere || (status !== 401 && status !== 403)) return answer
      const refusal = await denied(name, asked.repository, answer, {
        by: name,
        shown: { ...grant, credential: grant?.credential },
      })
      if (tries === MAX_TRIES) throw refusal
      const next = await this.#authorization.renew(grant, answer, asked, signal)
      if (next === undefined || next.authorization === grant?.authorization) throw refusal
      grant = next
    }
  }

  async #follow(asked: Asked, question: RegistryQuestion, grant: Grant | undefined): Promise<RegistryAnswer> {
    const { name, url: base, allowPrivateRedirects } = this.#access
    const query = question.query === undefined || question.query.size === 0 ? '' : `?${question.query}`
    let url = urlOf(this.#access, asked.path + query)
    let sentAway = false
    const seen = new Set([url.href])
    for (;;) {
      const answer = await this.#askAt(url, asked, question, sentAway ? undefined : grant)
      if (!isRedirect(answer) || question.follow === false) return { ...answer, elsewhere: sentAway }
      answer.body.drain()
      const target = locationOf(answer, url)
      if (target === undefined) throw badRedirect(name, asked.text, 'it does not say where', undefined)
      const objection = objectionTo(target, url, allowPrivateRedirects || target.origin === base.origin)
      if (objection !== undefined) throw badRedirect(name, asked.text, objection, target)
      if (seen.has(target.href)) throw badRedirect(name, asked.text, 'it leads back to itself', target)
      if (seen.size > MAX_REDIRECTS) throw badRedirect(name, asked.text, 'it leads on and on', target)
      seen.add(target.href)
      // Who has been sent away shows nothing any more, not even when sent back.
      sentAway ||= target.origin !== base.origin
      url = target
    }
  }

  async #askAt(
    url: URL,
    asked: Asked,
    { method, headers, signal, passed = [], retry = false }: RegistryQuestion,
    grant: Grant | undefined,
  ): Promise<Answer> {
    const { name, events, pause } = this.#access
    const elsewhere = url.origin !== this.#access.url.origin
    if (!elsewhere) {
      await this.#rate?.turn(signal)
      pause.check()
    }
    const endpoint = endpointFor(this.#access, url, { name, elsewhere, retry })
    const { authorization } = grant ?? {}
    const answer = await ask(endpoint, {
      method,
      path: url.pathname + url.search,
      headers: {
        ...headers,
        ...(authorization === undefined ? {} : { authorization }),
        via: [...passed, this.#access.via].map((gateway) => `1.1 ${gateway}`).join(', '),
      },
      signal,
    })
    events.answered(asked.kind, answer.status)
    if (answer.status === 508 || this.#wasHere(headerOf(answer, 'via'))) {
      answer.body.drain()
      throw new Failure('LOOP_DETECTED', `${name} asks this gateway for what this gateway asks it for`)
    }
    if (answer.status === 429 && !elsewhere) {
      answer.body.drain()
      throw pause.begin(retryAfter(answer))
    }
    return answer
  }

  /** Whether an answer has come through this gateway (`Via`, RFC 9110, 7.6.3). */
  #wasHere(via: string): boolean {
    return via.split(',').some((one) => one.trim().split(/[ \t]+/)[1] === this.#access.via)
  }
}
