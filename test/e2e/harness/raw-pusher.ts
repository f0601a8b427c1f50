import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { request, type Dispatcher } from 'undici'
import type { Acknowledged } from './acknowledged.ts'
import { noise } from './images.ts'
import type { Random } from './random.ts'

export interface RawPusherOptions {
  /** The name of the client: of its tag, and in the names of its repositories. */
  readonly client: string
  /** `http://host:port` of gateways. Each request goes to any of them. */
  readonly urls: readonly string[]
  readonly dispatcher: Dispatcher
  readonly random: Random
  readonly acknowledged: Acknowledged
  /** Called with each answer that no crash explains. */
  readonly complain: (problem: string) => void
}

interface Answer {
  readonly status: number
  readonly location: string
  readonly text: string
}

interface Blob {
  readonly digest: string
  readonly bytes: Buffer
}

interface Sent {
  readonly random: Random
  readonly body?: Buffer
  /** Media type. */
  readonly type?: string
  /** `<first>-<last>` byte. */
  readonly range?: string
}

/** A push has come to nothing, or nobody knows whether it has. */
class Failed extends Error {}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const SHARED = ['shared/one', 'shared/two']
const PIECE = 100_000
/** ms after a failure. */
const PAUSE = 20

/** Pushes images of many forms, one after the other, and notes what is acknowledged. */
export class RawPusher {
  readonly #options: RawPusherOptions
  #pushes = 0

  constructor(options: RawPusherOptions) {
    this.#options = options
  }

  /** Push until it is told to stop; what is under way then is gone on with. */
  async pushUntil(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      this.#pushes += 1
      try {
        await this.#push()
      } catch (error) {
        if (!(error instanceof Failed)) throw error
        await delay(PAUSE)
      }
    }
  }

  async #push(): Promise<void> {
    const { client, acknowledged } = this.#options
    const random = this.#options.random.named(this.#pushes)
    const repository = random.pick([`own/${client}`, ...SHARED])
    const config = blobOf(Buffer.from(JSON.stringify({ of: random.seed })))
    const layers = Array.from({ length: random.between(1, 3) }, (_, at) => layer(random.named(at)))
    const blobs = [config, ...layers]
    const pushing = blobs.map((blob) => this.#pushBlob(repository, blob, random.named(blob.digest)))
    await Promise.allSettled(pushing)
    await Promise.all(pushing)

    const bytes = manifestOf(config, layers)
    const { digest } = blobOf(bytes)
    const done = acknowledged.tagging(random.percent(70) ? client : `${client}-${digest.slice(7, 19)}`, {
      repository,
      digest,
      blobs: blobs.map((blob) => blob.digest),
    })
    const path = `/v2/${repository}/manifests/${done.tag}`
    const put = await this.#send('PUT', path, { random, body: bytes, type: MANIFEST })
    this.#expect(put, 201, `PUT ${path}`)
    done.acknowledge()
  }

  /** As clients push them: all at once, in two requests, in parts; now and then it is mounted elsewhere too. */
  async #pushBlob(repository: string, blob: Blob, random: Random): Promise<void> {
    const { acknowledged, client } = this.#options
    const { digest, bytes } = blob
    const path = `/v2/${repository}/blobs/uploads/`
    const done =
      random.below(4) === 0
        ? await this.#send('POST', `${path}?digest=${digest}`, { random, body: bytes })
        : await this.#sendParts(path, blob, random)
    this.#expect(done, 201, `the end of ${path} ${digest}`)
    acknowledged.blob(repository, digest)
    if (!random.percent(10)) return
    const to = `mounted/${client}`
    const mounting = `/v2/${to}/blobs/uploads/?mount=${digest}&from=${repository}`
    const mounted = await this.#send('POST', mounting, { random })
    this.#expect(mounted, 201, `POST ${mounting}`)
    acknowledged.blob(to, digest)
  }

  /** Any number of parts, of which the last one closes the upload. */
  async #sendParts(path: string, { digest, bytes }: Blob, random: Random): Promise<Answer> {
    let answer = await this.#send('POST', path, { random })
    this.#expect(answer, 202, `POST ${path}`)
    let from = 0
    for (let parts = random.below(4); parts > 0 && from < bytes.length; parts -= 1) {
      const rest = bytes.length - from
      // Whole MiB, less than one, or anything else.
      const until = from + Math.min(rest, random.pick([2 ** 20, 4096, random.between(1, rest)]))
      const range = `${from}-${until - 1}`
      const body = bytes.subarray(from, until)
      answer = await this.#send('PATCH', answer.location, { random, body, range })
      this.#expect(answer, 202, `PATCH ${range}`)
      from = until
    }
    const end = `${answer.location}${answer.location.includes('?') ? '&' : '?'}digest=${digest}`
    return this.#send('PUT', end, { random, body: bytes.subarray(from) })
  }

  /** @throws Failed */
  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    { random, body, type = 'application/octet-stream', range }: Sent,
  ): Promise<Answer> {
    const { urls, dispatcher } = this.#options
    const url = random.pick(urls)
    const headers = {
      'content-type': type,
      'content-length': String(body?.length ?? 0),
      ...(range === undefined ? {} : { 'content-range': range }),
    }
    const sent = body !== undefined && random.percent(20) ? Readable.from(inPieces(body)) : (body ?? null)
    try {
      const answer = await request(url + path, { method, headers, body: sent, dispatcher })
      const text = await answer.body.text()
      const status = answer.statusCode
      if (status >= 500) throw new Failed(`${status} ${text}`)
      return { status, text, location: pathOf(String(answer.headers['location'] ?? ''), url) }
    } catch (error) {
      throw error instanceof Failed ? error : new Failed(String(error), { cause: error })
    }
  }

  /** No crash explains a refusal. @throws Failed */
  #expect({ status, text }: Answer, wanted: number, what: string): void {
    if (status === wanted) return
    this.#options.complain(`${this.#options.client}: ${what}: ${status} ${text.slice(0, 300)}`)
    throw new Failed(`${status} ${text}`)
  }
}

/** Of any size, of one block or several. */
function layer(random: Random): Blob {
  const kind = random.below(10)
  const [least, most] = kind < 5 ? [1, 5_000] : kind < 8 ? [10_000, 300_000] : [1_000_000, 2_600_000]
  return blobOf(noise(random.seed, random.between(least, most)))
}

function blobOf(bytes: Buffer): Blob {
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
}

function manifestOf(config: Blob, layers: readonly Blob[]): Buffer {
  const descriptor = ({ digest, bytes }: Blob, mediaType: string) => ({
    mediaType,
    digest,
    size: bytes.length,
  })
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor(config, CONFIG),
    layers: layers.map((layer) => descriptor(layer, LAYER)),
  }
  return Buffer.from(JSON.stringify(manifest))
}

function pathOf(location: string, base: string): string {
  const { pathname, search } = new URL(location, base)
  return pathname + search
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    yield bytes.subarray(at, at + PIECE)
    await delay(5)
  }
}
