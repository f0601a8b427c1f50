import { closableBody, endBody } from '../content/closable-body.ts'
import { hedged } from '../content/hedged.ts'
import { SourceHealth } from '../content/source-health.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import type { Digest } from '../reference/digest.ts'
import type {
  BlobAnswer,
  BlobPurpose,
  ManifestAnswer,
  ReferrerList,
  Repository,
  TagList,
} from './repository.ts'
import type { TagsWanted } from './tag-pages.ts'

/** ms for which a place that was too slow is not waited for again. */
const LATE = 30_000
const TOO_LATE = new Failure('CONTENT_TIMEOUT', 'the other place has answered')

/**
 * A name that lives in two places: on IPFS and at its upstream. Each question goes to the first, and to the other one as
 * well when the first does not have it, fails, or is slow. Digests hold both to the same bytes.
 */
export class MappedRepository implements Repository {
  private readonly places: readonly [Repository, Repository]
  /** A place whose bytes were wrong comes second for a while: it may have been believed, and found out at the end only. */
  private readonly health = new SourceHealth<Repository>()
  private readonly wait: number
  /** Until when (ms since 1970) the first place is not waited for where both have the same: it was too slow. */
  private lateUntil = 0

  /** @param wait ms that the first is waited for before the second is asked as well */
  constructor(first: Repository, second: Repository, wait: number) {
    this.places = [first, second]
    this.wait = wait
  }

  manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.ask(signal, (place, own) => place.manifestByTag(tag, own))
  }

  manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.askForDigest(signal, (place, own) => place.manifestByDigest(digest, own))
  }

  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    return this.askForDigest(signal, async (place, own) => {
      const answer = await place.blob(digest, purpose, own)
      const open: BlobAnswer['open'] = async (range, reading) => {
        const body = await answer.open(range, reading)
        const pieces = closableBody(this.watched(place, body.pieces), () => void endBody(body.pieces))
        return { ...body, pieces }
      }
      return { ...answer, open }
    })
  }

  tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    return this.ask(signal, (place, own) => place.tags(wanted, own))
  }

  /** Signatures may be in either place, whichever the image came from, so both are asked. */
  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    const { list, failures } = await this.fromBoth(subject, signal)
    if (list === undefined) throw telling(failures)
    return list
  }

  /** A digest is the same in both places, so the order matters less than the time. */
  private askForDigest<T>(
    signal: AbortSignal,
    ask: (place: Repository, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.ask(signal, ask, Date.now() < this.lateUntil ? 0 : this.wait)
  }

  private async ask<T>(
    signal: AbortSignal,
    ask: (place: Repository, signal: AbortSignal) => Promise<T>,
    wait = this.wait,
  ): Promise<T> {
    const failures: unknown[] = []
    const began = performance.now()
    const order = this.health.order(this.places)
    const { candidate, value } = await hedged(order, {
      signal,
      delay: wait,
      ask,
      onFailure: (error, place) => {
        this.note(place, error)
        failures.push(error)
        return false
      },
      exhausted: () => telling(failures),
    })
    const late = candidate !== order[0] && performance.now() - began >= this.wait
    if (late) this.lateUntil = Date.now() + LATE
    return value
  }

  private async *watched(
    place: Repository,
    pieces: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* pieces
    } catch (error) {
      this.note(place, error)
      throw error
    }
  }

  private note(place: Repository, error: unknown): void {
    if (isFailure(error, 'CONTENT_INVALID')) this.health.discredit(place)
  }

  private async fromBoth(
    subject: Digest,
    signal: AbortSignal,
  ): Promise<{ list: ReferrerList | undefined; failures: unknown[] }> {
    const late = new AbortController()
    const own = AbortSignal.any([signal, late.signal])
    const asked = this.places.map((place) => place.referrers(subject, own))
    // One place that is silent is no reason to give nothing of the other.
    const hurry = (): NodeJS.Timeout => setTimeout(() => late.abort(TOO_LATE), this.wait)
    const timer = Promise.any(asked).then(hurry, () => undefined)
    const answers = await Promise.allSettled(asked)
    clearTimeout(await timer)
    const lists = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const failures = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [answer.reason as unknown] : [],
    )
    const [list] = lists
    if (list === undefined) return { list, failures }
    const byDigest = new Map<Digest, Descriptor>()
    for (const { referrers } of lists) {
      for (const one of referrers) if (!byDigest.has(one.digest)) byDigest.set(one.digest, one)
    }
    const warning = lists.map((one) => one.warning).find((text) => text !== undefined)
    return { list: { ...list, referrers: [...byDigest.values()], warning }, failures }
  }
}

/** Of two failures the one that counts: "not there" only when both places say so. */
function telling(failures: readonly unknown[]): unknown {
  return (
    failures.find(
      (error) => !isFailure(error, 'NAME_UNKNOWN', 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN', 'CONTENT_NOT_FOUND'),
    ) ?? failures[0]
  )
}
