import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import type { Descriptor } from '../../../src/layout/descriptor.ts'
import { fallbackTagOf, isDigestTag, isFallbackTag } from '../../../src/layout/fallback-tag.ts'
import { parseIndex } from '../../../src/layout/image-index.ts'
import { buildReferrers, referrersIn, referrersOf } from '../../../src/layout/referrers.ts'
import type { Digest } from '../../../src/reference/digest.ts'
import { LayoutBuilder, TYPE, readerOf } from '../../fixtures/layouts.ts'
import { containerdExport, oras } from '../../fixtures/producer-layouts.ts'

const { signal } = new AbortController()

async function of(layout: LayoutBuilder, subject: Descriptor | Digest): Promise<readonly Descriptor[]> {
  const files = layout.files()
  const digest = typeof subject === 'string' ? subject : subject.digest
  return referrersOf(parseIndex(files.get('index.json')!), digest, readerOf(files), { signal })
}

const digests = (list: readonly Descriptor[]): string[] => list.map(({ digest }) => digest)

describe('by subject', () => {
  test('an artifact, with its type and annotations from its manifest', async () => {
    const { files, root, others } = oras()
    const index = parseIndex(files.get('index.json')!)
    const sbom = others['sbom']!
    expect(await referrersOf(index, root.digest, readerOf(files), { signal })).toEqual([
      {
        mediaType: TYPE.ociManifest,
        digest: sbom.digest,
        size: sbom.size,
        artifactType: 'application/spdx+json',
        annotations: { 'org.example.note': 'sbom' },
      },
    ])
  })

  test('none', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    expect(await of(layout.list(image, { ref: 'v1' }), image)).toEqual([])
    expect(await of(layout, `sha256:${'0'.repeat(64)}`)).toEqual([])
  })

  test('an image manifest without artifactType has that of its config; its annotations, not those of index.json', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const referrer = layout.image({
      content: 'referrer',
      subject: image,
      configType: 'application/vnd.example.config',
      annotations: { from: 'manifest' },
    })
    layout.list(referrer, { ref: 'r1', annotations: { from: 'entry' } })
    expect(await of(layout, image)).toMatchObject([
      { artifactType: 'application/vnd.example.config', annotations: { from: 'manifest' } },
    ])
  })

  test('an index refers with its own artifactType, or none', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const plain = layout.index([], { subject: image })
    const typed = layout.index([], { subject: image, artifactType: 'x/y' })
    const found = await of(layout.list(plain).list(typed), image)
    expect(digests(found)).toEqual([plain.digest, typed.digest])
    expect(found[0]).not.toHaveProperty('artifactType')
    expect(found[1]).toHaveProperty('artifactType', 'x/y')
  })

  test('a subject that the layout does not hold', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const referrer = layout.artifact('x/y', image)
    expect(digests(await of(layout.list(referrer).forget(image), image))).toEqual([referrer.digest])
  })

  test('children of indexes, at any depth', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const referrer = layout.artifact('x/y', image)
    layout.list(layout.index([layout.index([image, referrer])]), { ref: 'v1' })
    expect(digests(await of(layout, image))).toEqual([referrer.digest])
  })

  test('entries without a media type', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const referrer = layout.artifact('x/y', image)
    expect(digests(await of(layout.list(referrer, { mediaType: false }), image))).toEqual([referrer.digest])
  })

  test('of sha512 digests', async () => {
    const layout = new LayoutBuilder({ algorithm: 'sha512' })
    const image = layout.image()
    const referrer = layout.artifact('x/y', image)
    expect(digests(await of(layout.list(image).list(referrer), image))).toEqual([referrer.digest])
  })

  test('in the order of index.json, each once', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const all = Array.from({ length: 20 }, (_, i) => layout.artifact(`x/${i}`, image))
    for (const one of all) layout.list(one)
    for (const one of all) layout.list(one, { ref: 'again' })
    expect(digests(await of(layout, image))).toEqual(digests(all))
  })
})

describe("by containerd's annotation", () => {
  test('shown as its manifest says, once', async () => {
    const { files, root, others } = containerdExport()
    const index = parseIndex(files.get('index.json')!)
    const found = await referrersOf(index, root.digest, readerOf(files), { signal })
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({
      digest: others['signature']!.digest,
      artifactType: 'application/vnd.example.signature',
    })
  })

  test('also when its manifest has no subject, or is not there', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const silent = layout.artifact('x/silent', undefined)
    const absent = layout.artifact('x/absent', image)
    const annotations = { 'io.containerd.manifest.subject': image.digest }
    layout
      .list(silent, { annotations })
      .list(absent, { annotations, artifactType: 'x/absent' })
      .forget(absent)
    expect(await of(layout, image)).toEqual([
      expect.objectContaining({ digest: silent.digest, artifactType: 'x/silent' }),
      { mediaType: TYPE.ociManifest, digest: absent.digest, size: absent.size, artifactType: 'x/absent' },
    ])
  })
})

describe('by fallback tag', () => {
  test('what the tagged index lists, joined with what has the subject', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const both = layout.artifact('x/both', image)
    const direct = layout.artifact('x/direct', image)
    const listed = { ...layout.artifact('x/listed', undefined), artifactType: 'x/listed' }
    layout.list(both).list(direct)
    layout.list(layout.index([both, listed]), { ref: image.digest.replace(':', '-') })
    expect(digests(await of(layout, image))).toEqual([both.digest, direct.digest, listed.digest])
  })

  test('of a sha512 digest, whose tag is cut', async () => {
    const layout = new LayoutBuilder({ algorithm: 'sha512' })
    const image = layout.image()
    const listed = layout.artifact('x/listed', undefined)
    layout.list(layout.index([listed]), { ref: image.digest.replace(':', '-').slice(0, 7 + 64) })
    expect(digests(await of(layout, image))).toEqual([listed.digest])
  })

  test('what it lists but the layout lacks is shown as the index shows it', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const absent = { ...layout.artifact('x/y', image), artifactType: 'x/y', annotations: { a: 'b' } }
    layout.list(layout.index([absent]), { ref: image.digest.replace(':', '-') }).forget(absent)
    expect(await of(layout, image)).toEqual([absent])
  })

  test('the form of the tag', () => {
    const sha256 = `sha256:${'ab'.repeat(32)}` as const
    const sha512 = `sha512:${'cd'.repeat(64)}` as const
    expect(fallbackTagOf(sha256)).toBe(`sha256-${'ab'.repeat(32)}`)
    expect(fallbackTagOf(sha512)).toBe(`sha512-${'cd'.repeat(32)}`)
    expect(isFallbackTag(fallbackTagOf(sha512))).toBe(true)
    expect(isFallbackTag(`${fallbackTagOf(sha256)}.sig`)).toBe(false)
    expect(isDigestTag(`${fallbackTagOf(sha256)}.sig`)).toBe(true)
    expect(isDigestTag(`${fallbackTagOf(sha256)}0`)).toBe(false)
    expect(isDigestTag('sha256-abc')).toBe(false)
  })
})

describe('the whole map', () => {
  test('is built with each manifest read once', async () => {
    const { files, root, others } = oras()
    const reader = readerOf(files)
    const map = await buildReferrers(parseIndex(files.get('index.json')!), reader, { signal })
    expect([...map.keys()]).toEqual([root.digest])
    expect(digests(referrersIn(map, root.digest))).toEqual([others['sbom']!.digest])
    expect(new Set(reader.reads).size).toBe(reader.reads.length)
    expect(reader.reads).toHaveLength(4)
  })

  test('of a huge layout is bounded, and likely referrers are read first', async () => {
    const layout = new LayoutBuilder()
    const image = layout.image()
    for (let i = 0; i < 5000; i++) {
      const digest = `sha256:${i.toString(16).padStart(64, '0')}` as const
      layout.list({ mediaType: TYPE.ociManifest, digest, size: 500 }, { ref: `v${i}` })
    }
    const typed = layout.artifact('x/typed', image)
    const untagged = layout.artifact('x/untagged', image)
    layout.list(untagged).list(typed, { artifactType: 'x/typed' })
    const files = layout.files()
    const reader = readerOf(files)
    const map = await buildReferrers(parseIndex(files.get('index.json')!), reader, { signal })
    expect(new Set(digests(referrersIn(map, image.digest)))).toEqual(new Set([typed.digest, untagged.digest]))
    expect(reader.reads.length).toBeLessThanOrEqual(1024)
  })

  test('of an index with very many children is bounded', async () => {
    const layout = new LayoutBuilder()
    const children = Array.from({ length: 3000 }, (_, i) => ({
      mediaType: TYPE.ociManifest,
      digest: `sha256:${i.toString(16).padStart(64, '0')}` as const,
      size: 500,
    }))
    const files = layout.list(layout.index(children)).files()
    const reader = readerOf(files)
    await buildReferrers(parseIndex(files.get('index.json')!), reader, { signal })
    expect(reader.reads.length).toBeLessThanOrEqual(1024)
  })

  test('reads some at a time, and stops at the first failure', async () => {
    const layout = new LayoutBuilder()
    for (let i = 0; i < 50; i++) layout.list(layout.image({ content: `${i}` }))
    let atOnce = 0
    let most = 0
    let reads = 0
    const reader = {
      read: async () => {
        most = Math.max(most, ++atOnce)
        reads++
        await new Promise((resolve) => setImmediate(resolve))
        atOnce--
        if (reads > 20) throw new Failure('CONTENT_UNAVAILABLE', 'gone')
        return undefined
      },
    }
    const index = parseIndex(layout.indexJson())
    await expect(buildReferrers(index, reader, { signal })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    expect(most).toBe(8)
    expect(reads).toBeLessThan(40)
  })

  test('an abort rejects with its reason', async () => {
    const { files } = oras()
    const reason = new Error('the client left')
    const index = parseIndex(files.get('index.json')!)
    await expect(buildReferrers(index, readerOf(files), { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
  })
})
