import { createHash, randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { MANIFEST_TYPE, TAG } from '../image.mjs'

/** How often each is done, relative to the others. */
const ACTIONS = {
  pull: 6,
  range: 6,
  abort: 3,
  slow: 1,
  list: 1,
  missing: 1,
  fallThrough: 3,
  push: 1,
  pullPushed: 2,
}

/** Bytes a second that a slow reader takes. */
const SLOW = 512 * 1024

/** Tries that an ordinary registry's answer has, which can only be judged at its end. */
const TRIES = 6

/**
 * What clients do: each whole answer is held to what it must be.
 *
 * An answer that is wrong and complete is `wrong`; one that fails where a healthy source exists is `failed`.
 */
export class Load {
  counts = {}
  wrong = []
  failed = []
  /** Of ordinary registries: answers that were cut, and came whole when asked for again. */
  again = 0
  #gateway
  #content
  #client
  #tags = new Map()

  /** @param content `published`: the images and the `root` that has them; `upstream`: images of the ordinary registry */
  constructor(gateway, content, client) {
    this.#gateway = gateway
    this.#content = content
    this.#client = client
  }

  /** One client, until the time has come. */
  async run(random, until) {
    while (Date.now() < until) {
      const action = random.weighted(ACTIONS)
      this.counts[action] = (this.counts[action] ?? 0) + 1
      try {
        await this.#do(action, random)
      } catch (error) {
        this.failed.push(`${action}: ${error.message}`)
        // A gateway that is gone is not to be asked a million times.
        await delay(100)
      }
    }
  }

  #do(action, random) {
    const { published } = this.#content
    switch (action) {
      case 'pull':
        return this.#pull(this.#published(random.below(published.images.length)), 1)
      case 'range':
        return this.#range(random)
      case 'abort':
        return this.#abort(random)
      case 'slow':
        return this.#slow(random)
      case 'list':
        return this.#list(random)
      case 'missing':
        return this.#missing(random)
      case 'fallThrough':
        return this.#pull(this.#upstream(random.below(this.#content.upstream.length)), TRIES)
      case 'push':
        return this.#push(random)
      default:
        return this.#pullPushed(random)
    }
  }

  #published(at) {
    const { root, images } = this.#content.published
    return { image: images[at].image, repository: `${this.#gateway}/v2/ipfs/${root}/${images[at].path}` }
  }

  #upstream(at) {
    const { image, name } = this.#content.upstream[at]
    return { image, repository: `${this.#gateway}/v2/${name}` }
  }

  /** As a client does: by tag, then what the manifest names. */
  async #pull({ image, repository }, tries) {
    await this.#whole(`${repository}/manifests/${TAG}`, image.manifest, tries, { accept: MANIFEST_TYPE })
    await this.#whole(`${repository}/blobs/${image.config.digest}`, image.config, tries)
    await Promise.all(
      image.layers.map((layer) => this.#whole(`${repository}/blobs/${layer.digest}`, layer, tries)),
    )
  }

  async #whole(url, { digest, size }, tries, headers = {}) {
    for (let tried = 1; ; tried += 1) {
      const answer = await this.#client.read(url, { headers })
      const isWhole = answer.status === 200 && answer.cut === undefined
      if (isWhole && `sha256:${answer.sha256}` === digest && answer.length === size) return
      const what = `${url}: ${answer.status}, ${answer.length} of ${size} bytes, ${answer.cut?.message ?? 'complete'}`
      if (isWhole) this.wrong.push(what)
      if (isWhole || tried >= tries) throw new Error(what)
      this.again += 1
    }
  }

  async #range(random) {
    const { image, repository } = this.#published(random.below(this.#content.published.images.length))
    const layer = random.one(image.layers)
    const start = random.below(layer.size)
    const length = 1 + random.below(Math.min(layer.size - start, 1024 * 1024))
    const url = `${repository}/blobs/${layer.digest}`
    const range = `bytes=${start}-${start + length - 1}`
    const answer = await this.#client.read(url, { headers: { range } })
    const what = `${url} ${range}: ${answer.status}, ${answer.length} bytes, ${answer.cut?.message ?? 'complete'}`
    if (answer.status !== 206 || answer.cut !== undefined) throw new Error(what)
    if (answer.sha256 !== (await hashOfPart(image.fileOf(layer), start, length))) {
      this.wrong.push(what)
      throw new Error(what)
    }
  }

  async #abort(random) {
    const { image, repository } = this.#published(random.below(this.#content.published.images.length))
    const layer = random.one(image.layers)
    await this.#client.read(`${repository}/blobs/${layer.digest}`, { until: 1 + random.below(layer.size) })
  }

  async #slow(random) {
    const { image, repository } = this.#published(random.below(this.#content.published.images.length))
    const layer = image.layers[0]
    const url = `${repository}/blobs/${layer.digest}`
    const answer = await this.#client.read(url, { pace: SLOW })
    const what = `${url}, slowly: ${answer.status}, ${answer.length} bytes, ${answer.cut?.message ?? 'complete'}`
    if (answer.status !== 200 || answer.cut !== undefined) throw new Error(what)
    if (`sha256:${answer.sha256}` !== layer.digest) {
      this.wrong.push(what)
      throw new Error(what)
    }
  }

  async #list(random) {
    const { repository } = this.#published(random.below(this.#content.published.images.length))
    const { status, bytes } = await this.#client.read(`${repository}/tags/list`)
    if (status !== 200) throw new Error(`${repository}/tags/list: ${status}`)
    const { tags } = JSON.parse(bytes.toString())
    // Of the only image `latest` is the name as well.
    if (tags.join() !== `latest,${TAG}`) this.wrong.push(`${repository}/tags/list: ${tags.join()}`)
  }

  async #missing(random) {
    const { repository } = this.#published(random.below(this.#content.published.images.length))
    const reference = random.one(['nothing', `sha256:${randomBytes(32).toString('hex')}`])
    const { status } = await this.#client.read(`${repository}/manifests/${reference}`)
    if (status !== 404) throw new Error(`${repository}/manifests/${reference}: ${status}, not 404`)
  }

  /** A small image under a tag that others move as well. */
  async #push(random) {
    const tag = `moving-${random.below(4)}`
    const layer = await this.#pushBlob(randomBytes(1 + random.below(96 * 1024)))
    const config = await this.#pushBlob(
      Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', tag })),
    )
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
      }),
    )
    await this.#moving(tag).move(digestOf(manifest), async () => {
      const url = `${this.#gateway}/v2/soak/manifests/${tag}`
      const headers = { 'content-type': MANIFEST_TYPE }
      const { status } = await this.#client.read(url, { method: 'PUT', headers, body: manifest })
      if (status !== 201) throw new Error(`PUT ${url}: ${status}`)
    })
  }

  #moving(tag) {
    const known = this.#tags.get(tag) ?? new MovingTag()
    this.#tags.set(tag, known)
    return known
  }

  async #pushBlob(bytes) {
    const digest = digestOf(bytes)
    const url = `${this.#gateway}/v2/soak/blobs/uploads/?digest=${digest}`
    const headers = { 'content-type': 'application/octet-stream' }
    const { status } = await this.#client.read(url, { method: 'POST', headers, body: bytes })
    if (status !== 201) throw new Error(`POST ${url}: ${status}`)
    return { digest, size: bytes.length }
  }

  async #pullPushed(random) {
    const tags = [...this.#tags].filter(([, { acknowledged }]) => acknowledged >= 0)
    if (tags.length === 0) return
    const [tag, moving] = random.one(tags)
    const bytes = await this.#lookAt(tag, moving)
    for (const layer of JSON.parse(bytes.toString()).layers) {
      await this.#whole(`${this.#gateway}/v2/soak/blobs/${layer.digest}`, layer, 1)
    }
  }

  /** A tag means what was acknowledged last, or what has been pushed since. */
  async #lookAt(tag, moving) {
    const url = `${this.#gateway}/v2/soak/manifests/${tag}`
    const since = moving.acknowledged
    const answer = await this.#client.read(url, { headers: { accept: MANIFEST_TYPE } })
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`)
    const position = moving.digests.indexOf(`sha256:${answer.sha256}`)
    if (position < since) {
      this.wrong.push(`${url}: sha256:${answer.sha256}, ${position} where ${since} had been acknowledged`)
    }
    return answer.bytes
  }

  /** Once nothing is pushed any more. */
  async checkTags() {
    for (const [tag, moving] of this.#tags) if (moving.acknowledged >= 0) await this.#lookAt(tag, moving)
  }
}

/** A tag that is pushed again and again, one push after the other. */
class MovingTag {
  digests = []
  /** Which of the digests was acknowledged last. */
  acknowledged = -1
  #turn = Promise.resolve()

  move(digest, push) {
    const moved = this.#turn.then(async () => {
      const position = this.digests.push(digest) - 1
      await push()
      this.acknowledged = position
    })
    this.#turn = moved.catch(() => undefined)
    return moved
  }
}

function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

async function hashOfPart(path, start, length) {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, start)
    return createHash('sha256').update(buffer).digest('hex')
  } finally {
    await file.close()
  }
}
