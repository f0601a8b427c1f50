import { Slots, openLimited } from '../content/limited.ts'
import type { ByteRange, OpenedFile } from '../content/source.ts'
import { ask } from '../content/transport/exchange.ts'
import { rangeHeader } from '../content/transport/ranged-answer.ts'
import { isFailure } from '../errors.ts'
import { MEDIA_TYPE } from '../layout/descriptor.ts'
import { fallbackTagOf } from '../layout/fallback-tag.ts'
import { type Digest, isDigest, parseDigest } from '../reference/digest.ts'
import { isTag } from '../reference/tag.ts'
import { type Asked, askedOf } from './asked.ts'
import { Authorization } from './auth/authorization.ts'
import type { Credentials } from './auth/credentials.ts'
import { blobSizeIn, openedBlob } from './blob.ts'
import { HostDispatchers, type HostDispatcherOptions } from './dispatchers.ts'
import { endpointFor, type HostAccess, type HostEvents, urlOf } from './host-access.ts'
import { ACCEPT, digestInHead, manifestIn } from './manifest.ts'
import { OperatorNote } from './operator-note.ts'
import { Pause } from './pause.ts'
import { Rate } from './rate.ts'
import { clientLocation, isRedirect } from './redirect.ts'
import { listedReferrers, MAX_REFERRERS, taggedReferrers } from './referrers.ts'
import { refusalOf, type RegistryAnswer } from './refusal.ts'
import type {
  FetchedManifest,
  FetchedReferrers,
  ManifestHead,
  Registry,
  RegistryCall,
  TagPage,
} from './registry.ts'
import { HostRequests, type RegistryQuestion } from './requests.ts'
import { tagsIn } from './tags.ts'

export interface RegistryHostOptions extends HostDispatcherOptions {
  /** See {@link Registry.name}. */
  readonly name: string
  /** `https://host[:port][/prefix]`, without `/v2`. */
  readonly url: string
  /** Undefined: none. */
  readonly credentials: Credentials | undefined
  /** The name of a repository on this host, for the name that the upstream's users write. */
  readonly rewrite: (repository: string) => string
  /** Requests under way at once; a blob's lasts until it is read. */
  readonly concurrency: number
  /** Requests that may wait for their turn. */
  readonly queue: number
  /** Requests per second at most; undefined: any number. */
  readonly rate: number | undefined
  /** ms to wait for the head of an answer. */
  readonly answerTimeout: number
  /** ms to wait for the next byte of a body while someone reads it. */
  readonly stallTimeout: number
  /** What this gateway calls itself in `Via`, by which it finds out that it asks itself. One word. */
  readonly via: string
  readonly userAgent: string
  /** See {@link HostAccess.requestHeaders}. */
  readonly requestHeaders?: (() => Readonly<Record<string, string>>) | undefined
  readonly events: HostEvents
}

/** A registry that is one host. */
export interface RegistryHost extends Registry {
  /** ms since the epoch until which it is not asked, as it wants; undefined while it may be. */
  readonly limitedUntil: number | undefined
  /** End all requests under way, and close all connections. */
  destroy(): Promise<void>
}

/** Statuses of `GET /v2/` that a registry answers with; 429 is an answer too. */
const HEALTHY = new Set([200, 401, 429])

/** @throws Error for a `ca` that is no PEM certificate */
export function createRegistryHost(options: RegistryHostOptions): RegistryHost {
  return new Host(options)
}

class Host implements RegistryHost {
  readonly name: string
  readonly #access: HostAccess
  readonly #requests: HostRequests
  readonly #rewrite: (repository: string) => string
  readonly #slots: Slots
  readonly #told = new WeakSet<OperatorNote>()

  constructor(options: RegistryHostOptions) {
    const { name, queue, rate, via } = options
    this.name = name
    this.#access = {
      ...options,
      url: new URL(options.url),
      headers: { accept: '*/*', via: `1.1 ${via}`, 'user-agent': options.userAgent },
      dispatchers: new HostDispatchers(options),
      pause: new Pause(name),
    }
    this.#requests = new HostRequests(this.#access, {
      authorization: new Authorization(this.#access, options.credentials),
      rate: rate === undefined ? undefined : new Rate(name, rate, queue),
    })
    this.#rewrite = options.rewrite
    this.#slots = new Slots(name, options.concurrency, queue)
  }

  manifest(
    repository: string,
    reference: string,
    options: RegistryCall & { limit: number },
  ): Promise<FetchedManifest> {
    return this.#during(options.signal, () => this.#manifest(repository, reference, options))
  }

  headManifest(repository: string, reference: string, call: RegistryCall): Promise<ManifestHead> {
    return this.#during(call.signal, async () => {
      const asked = this.#askedManifest(repository, reference)
      const answer = await this.#ask(asked, { method: 'HEAD', headers: { accept: ACCEPT }, ...call })
      if (answer.status !== 200) throw await refusalOf(this.name, answer, asked)
      return { digest: digestInHead(this.name, answer, asked), source: this.name }
    })
  }

  async openBlob(
    repository: string,
    digest: Digest,
    { range, ...call }: RegistryCall & { range?: ByteRange | undefined },
  ): Promise<OpenedFile> {
    const asked = this.#askedBlob(repository, digest)
    const expected = range === undefined ? [200] : [200, 206, 416]
    return this.#telling(() =>
      openLimited(this.#slots, call.signal, async () => {
        const answer = await this.#ask(asked, { method: 'GET', headers: rangeHeader(range), ...call })
        if (!expected.includes(answer.status)) throw await refusalOf(this.name, answer, asked)
        return openedBlob(this.name, answer, asked, range)
      }),
    )
  }

  blobSize(repository: string, digest: Digest, call: RegistryCall): Promise<number> {
    return this.#during(call.signal, async () => {
      const asked = this.#askedBlob(repository, digest)
      const answer = await this.#ask(asked, { method: 'HEAD', ...call })
      if (answer.status !== 200) throw await refusalOf(this.name, answer, asked)
      answer.body.drain()
      return blobSizeIn(this.name, answer, asked)
    })
  }

  blobLocation(repository: string, digest: Digest, call: RegistryCall): Promise<string | undefined> {
    return this.#during(call.signal, async () => {
      const asked = this.#askedBlob(repository, digest)
      // Where it gives the bytes itself, one of them is enough.
      const headers = { range: 'bytes=0-0' }
      const answer = await this.#ask(asked, { method: 'GET', headers, ...call, retry: true, follow: false })
      if (!isRedirect(answer)) {
        if (![200, 206, 416].includes(answer.status)) throw await refusalOf(this.name, answer, asked)
        answer.body.drain()
        return undefined
      }
      answer.body.drain()
      return clientLocation(this.#access, answer, asked)
    })
  }

  tags(repository: string, query: URLSearchParams, call: RegistryCall): Promise<TagPage> {
    return this.#during(call.signal, async () => {
      const text = `the tags of ${repository}`
      const asked = this.#asked('tags', repository, { rest: 'tags/list', text })
      const answer = await this.#ask(asked, { method: 'GET', query, ...call, retry: true })
      if (answer.status !== 200) throw await refusalOf(this.name, answer, asked)
      return tagsIn(this.name, answer, asked)
    })
  }

  referrers(repository: string, subject: Digest, call: RegistryCall): Promise<FetchedReferrers> {
    return this.#during(call.signal, async () => {
      const text = `the referrers of ${repository}@${subject}`
      const asked = this.#asked('referrers', repository, { rest: `referrers/${subject}`, text })
      const headers = { accept: MEDIA_TYPE.ociIndex }
      const listed = await listedReferrers(this.name, asked, (query) =>
        this.#ask(asked, { method: 'GET', query, headers, ...call, retry: true }),
      )
      const tagged = () =>
        this.#manifest(repository, fallbackTagOf(subject), { limit: MAX_REFERRERS, ...call })
      return { referrers: listed ?? (await taggedReferrers(tagged)), source: this.name }
    })
  }

  get limitedUntil(): number | undefined {
    return this.#access.pause.until
  }

  async healthy(signal: AbortSignal): Promise<boolean> {
    const { pause, url, events } = this.#access
    // It has answered, and is not to be asked.
    if (pause.active) return true
    try {
      const endpoint = endpointFor(this.#access, url, { name: this.name, elsewhere: false, retry: false })
      const answer = await ask(endpoint, {
        method: 'GET',
        path: urlOf(this.#access, '/v2/').pathname,
        signal,
      })
      answer.body.drain()
      events.answered('health', answer.status)
      return HEALTHY.has(answer.status)
    } catch {
      return false
    }
  }

  destroy(): Promise<void> {
    return this.#access.dispatchers.destroy()
  }

  async #manifest(
    repository: string,
    reference: string,
    { limit, ...call }: RegistryCall & { limit: number },
  ): Promise<FetchedManifest> {
    const asked = this.#askedManifest(repository, reference)
    const answer = await this.#ask(asked, {
      method: 'GET',
      headers: { accept: ACCEPT },
      ...call,
      retry: true,
    })
    if (answer.status !== 200) throw await refusalOf(this.name, answer, asked)
    const wanted = isDigest(reference) ? reference : undefined
    return manifestIn(this.name, answer, asked, { wanted, limit })
  }

  #ask(asked: Asked, question: RegistryQuestion): Promise<RegistryAnswer> {
    return this.#requests.ask(asked, question)
  }

  #askedManifest(repository: string, reference: string): Asked {
    const text = isTag(reference) ? `${repository}:${reference}` : `${repository}@${parseDigest(reference)}`
    return this.#asked('manifest', repository, { rest: `manifests/${reference}`, text })
  }

  #askedBlob(repository: string, digest: Digest): Asked {
    const text = `the blob ${digest} of ${repository}`
    return this.#asked('blob', repository, { rest: `blobs/${digest}`, text })
  }

  #asked(kind: Asked['kind'], repository: string, options: { rest: string; text: string }): Asked {
    return askedOf(kind, repository, { rewritten: this.#rewrite(repository), ...options })
  }

  #during<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    return this.#telling(() => this.#slots.during(signal, action))
  }

  /** The operator hears what a failure does not tell clients. */
  async #telling<T>(action: () => Promise<T>): Promise<T> {
    try {
      this.#access.pause.check()
      return await action()
    } catch (error) {
      if (isFailure(error) && error.cause instanceof OperatorNote && !this.#told.has(error.cause)) {
        // One failure may be that of many who wait for the same token.
        this.#told.add(error.cause)
        this.#access.events.warn(error.cause.message, { upstream: this.name, ...error.cause.fields })
      }
      throw error
    }
  }
}
