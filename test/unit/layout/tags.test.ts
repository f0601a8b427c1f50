import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import type { Descriptor } from '../../../src/layout/descriptor.ts'
import { parseIndex } from '../../../src/layout/image-index.ts'
import { listTags, selectTag } from '../../../src/layout/tags.ts'
import type { CountingReader, LayoutFiles } from '../../fixtures/layouts.ts'
import { LayoutBuilder, TYPE, readerOf } from '../../fixtures/layouts.ts'
import type { ProducerLayout } from '../../fixtures/producer-layouts.ts'
import { PRODUCER_LAYOUTS, dockerSave, oras, podmanSave } from '../../fixtures/producer-layouts.ts'

const { signal } = new AbortController()

function open(files: LayoutFiles): {
  reader: CountingReader
  select: (tag: string, hint?: string) => ReturnType<typeof selectTag>
  tags: (hint?: string) => Promise<string[]>
} {
  const index = parseIndex(files.get('index.json')!)
  const reader = readerOf(files)
  return {
    reader,
    select: (tag, hint = '') => selectTag(index, tag, hint, reader, { signal }),
    tags: (hint = '') => listTags(index, hint, reader, { signal }),
  }
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof Failure) return error
  throw new Error(`no failure but ${String(error)}`)
}

describe.each(Object.entries(PRODUCER_LAYOUTS))('%s', (_, build) => {
  const layout: ProducerLayout = build()

  test('tags/list', async () => {
    expect(await open(layout.files).tags()).toEqual(layout.tags)
  })

  test('the first tag of its own is found', async () => {
    const { select } = open(layout.files)
    const exact = layout.tags.find((tag) => tag !== 'latest') ?? 'latest'
    const expected = layout.others['busybox'] ?? layout.root
    expect(await select(exact)).toMatchObject({ digest: expected.digest, mediaType: expected.mediaType })
  })

  test('latest is found where it is listed, and only there', async () => {
    const { select } = open(layout.files)
    if (layout.tags.includes('latest')) {
      expect(await select('latest')).toMatchObject({
        digest: layout.root.digest,
        mediaType: layout.root.mediaType,
      })
    } else {
      expect((await failureOf(select('latest'))).code).toBe('MANIFEST_UNKNOWN')
    }
  })

  test('a missing tag is a failure that lists what exists', async () => {
    const failure = await failureOf(open(layout.files).select('no-such-tag'))
    expect(failure.code).toBe('MANIFEST_UNKNOWN')
    expect(failure.detail).toEqual({ reference: 'no-such-tag', available: layout.tags })
    expect(failure.message).toContain('no-such-tag')
    for (const tag of layout.tags) expect(failure.message).toContain(tag)
  })
})

describe('reads', () => {
  test('none for a tag that a typed entry bears', async () => {
    for (const [name, build] of Object.entries(PRODUCER_LAYOUTS)) {
      const layout = build()
      const { reader, select } = open(layout.files)
      const exact = layout.tags.find((tag) => tag !== 'latest')
      if (exact === undefined || name === 'untyped') continue
      await select(exact)
      expect([name, reader.reads]).toEqual([name, []])
    }
  })

  test('only the manifest itself for latest of a single image', async () => {
    const layout = PRODUCER_LAYOUTS['skopeoUntagged']!()
    const { reader, select } = open(layout.files)
    await select('latest')
    expect(reader.reads).toEqual([layout.root.digest])
  })

  test('only the index for latest of an image with its children and referrers beside it', async () => {
    const layout = oras()
    const { reader, select } = open(layout.files)
    await select('latest')
    expect(reader.reads).toEqual([layout.root.digest])
  })

  test('only the tagged manifest for latest beside stale ones', async () => {
    const layout = PRODUCER_LAYOUTS['staleEntry']!()
    const { reader, select } = open(layout.files)
    await select('latest')
    expect(reader.reads).toEqual([layout.root.digest])
  })

  test('none of 10 000 tags, whatever is asked', async () => {
    const layout = new LayoutBuilder()
    for (let i = 0; i < 10_000; i++) {
      const digest = `sha256:${i.toString(16).padStart(64, '0')}` as const
      layout.list({ mediaType: TYPE.ociManifest, digest, size: 500 }, { ref: `v${i}` })
    }
    const { reader, select, tags } = open(layout.files())
    expect((await select('v1234')).digest).toContain((1234).toString(16))
    expect(await tags()).toHaveLength(10_000)
    const failure = await failureOf(select('latest'))
    expect((failure.detail as { available: string[] }).available).toHaveLength(100)
    expect(failure.message).toMatch(/v0, v1, .* and 9992 more/)
    expect(reader.reads).toEqual([])
  })

  test('one tagged index beside very many untagged children is latest without reading them', async () => {
    const layout = new LayoutBuilder()
    const children = Array.from({ length: 80 }, (_, i) => layout.image({ content: `child ${i}` }))
    const index = layout.index(children)
    for (const child of children) layout.list(child)
    const { reader, select } = open(layout.list(index, { ref: '1' }).files())
    expect((await select('latest')).digest).toBe(index.digest)
    expect(reader.reads).toEqual([])
  })
})

describe('several images in one layout', () => {
  const layout = dockerSave()
  const busybox = layout.others['busybox']!

  test('the name hint tells them apart', async () => {
    const { select } = open(layout.files)
    expect((await select('latest', 'alpine')).digest).toBe(layout.root.digest)
    expect((await select('latest', 'library/alpine')).digest).toBe(layout.root.digest)
    expect((await select('1.36', 'docker.io/library/busybox')).digest).toBe(busybox.digest)
  })

  test('latest of one that has no such tag is its only image, not the latest of another', async () => {
    expect((await open(layout.files).select('latest', 'busybox')).digest).toBe(busybox.digest)
  })

  test('a tag of another image is not found under this name', async () => {
    const failure = await failureOf(open(layout.files).select('1.36', 'alpine'))
    expect(failure.detail).toEqual({ reference: '1.36', available: ['latest'] })
  })

  test('tags/list is that of the name', async () => {
    const { tags } = open(layout.files)
    expect(await tags('alpine')).toEqual(['latest'])
    expect(await tags('busybox')).toEqual(['1.36', 'latest', 'stable'])
    expect(await tags('elsewhere')).toEqual(['1.36', 'latest', 'stable'])
    expect(await tags('box')).toEqual(['1.36', 'latest', 'stable'])
  })

  test('the same tag twice: by hint, else the last', async () => {
    const builder = new LayoutBuilder()
    const [a, b] = [builder.image({ content: 'a' }), builder.image({ content: 'b' })]
    builder.list(a, { name: 'example.org/x/a:1', ref: '1' }).list(b, { name: 'example.org/x/b:1', ref: '1' })
    const { select } = open(builder.files())
    expect((await select('1', 'a')).digest).toBe(a.digest)
    expect((await select('1', 'x/b')).digest).toBe(b.digest)
    expect((await select('1')).digest).toBe(b.digest)
    expect((await select('1', 'c')).digest).toBe(b.digest)
  })

  test('the same tag twice: an entry of the hinted name before a later one without a full name', async () => {
    const builder = new LayoutBuilder()
    const [a, b] = [builder.image({ content: 'a' }), builder.image({ content: 'b' })]
    builder.list(a, { name: 'example.org/x/a:1', ref: '1' }).list(b, { ref: '1' })
    const { select } = open(builder.files())
    expect((await select('1', 'a')).digest).toBe(a.digest)
    expect((await select('1')).digest).toBe(b.digest)
  })

  test('full names alone: ambiguous without a hint, and the message says so', async () => {
    const builder = new LayoutBuilder()
    const [a, b] = [builder.image({ content: 'a' }), builder.image({ content: 'b' })]
    builder.list(a, { ref: 'localhost/a:1' }).list(b, { ref: 'localhost/b:1' })
    const { select } = open(builder.files())
    expect((await select('1', 'a')).digest).toBe(a.digest)
    expect((await select('1', 'b')).digest).toBe(b.digest)
    expect((await failureOf(select('1'))).message).toContain('localhost/a, localhost/b')
  })

  test('the whole repository wins over the end of another', async () => {
    const builder = new LayoutBuilder()
    const [a, b] = [builder.image({ content: 'a' }), builder.image({ content: 'b' })]
    builder.list(a, { ref: 'x/y:1' }).list(b, { ref: 'example.org/x/y:1' })
    expect((await open(builder.files()).select('1', 'x/y')).digest).toBe(a.digest)
  })
})

describe('full names', () => {
  test('with and without the name hint', async () => {
    const layout = podmanSave()
    const { select } = open(layout.files)
    for (const hint of ['', 'app', 'my/app', 'localhost/my/app', 'renamed']) {
      expect([hint, (await select('1.0', hint)).digest]).toEqual([hint, layout.root.digest])
    }
  })

  test.each([
    ['localhost:5000/app', 'latest'],
    ['localhost:5000/app:2', '2'],
    ['alpine:3', '3'],
    ['example.org/app', 'latest'],
    [`example.org/app:4@sha256:${'0'.repeat(64)}`, '4'],
  ])('%s has the tag %s', async (ref, tag) => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    const other = builder.image({ content: 'other' })
    const { select, tags } = open(builder.list(image, { ref }).list(other, { ref: 'other' }).files())
    expect((await select(tag)).digest).toBe(image.digest)
    expect(await tags()).toEqual([tag, 'other'].sort())
  })

  test('io.containerd.image.name alone', async () => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    const { select } = open(builder.list(image, { name: 'docker.io/library/alpine:3' }).files())
    expect((await select('3', 'alpine')).digest).toBe(image.digest)
    expect((await select('3', 'renamed')).digest).toBe(image.digest)
  })

  test('a ref.name with a suffix is found by its suffix', async () => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    const { select } = open(builder.list(image, { ref: 'a b c:v1' }).files())
    expect((await select('v1', 'x')).digest).toBe(image.digest)
  })

  test('a ref.name that is neither tag nor full name is not listed', async () => {
    const builder = new LayoutBuilder()
    builder.list(builder.image(), { ref: 'a+b' }).list(builder.image({ content: 'b' }), { ref: 'b' })
    expect(await open(builder.files()).tags()).toEqual(['b'])
  })
})

describe('latest', () => {
  test('not where two images are tagged', async () => {
    const builder = new LayoutBuilder()
    builder
      .list(builder.image({ content: 'a' }), { ref: 'a' })
      .list(builder.image({ content: 'b' }), { ref: 'B' })
    const { select, tags } = open(builder.files())
    expect(await tags()).toEqual(['B', 'a'])
    expect((await failureOf(select('latest'))).detail).toEqual({ reference: 'latest', available: ['B', 'a'] })
  })

  test('of one image under several tags', async () => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    const { select, tags } = open(builder.list(image, { ref: '1' }).list(image, { ref: '1.0' }).files())
    expect((await select('latest')).digest).toBe(image.digest)
    expect(await tags()).toEqual(['1', '1.0', 'latest'])
  })

  test('not where two images are untagged: nothing can be listed, and the message says so', async () => {
    const builder = new LayoutBuilder()
    builder.list(builder.image({ content: 'a' })).list(builder.image({ content: 'b' }))
    const failure = await failureOf(open(builder.files()).select('latest'))
    expect(failure.detail).toEqual({ reference: 'latest', available: [] })
    expect(failure.message).toContain('digest')
  })

  test('is an untagged index even if its child has a tag', async () => {
    const builder = new LayoutBuilder()
    const { index, images } = builder.multiPlatform(['linux/amd64', 'linux/arm64'])
    builder.list(images[0]!, { ref: 'amd64' }).list(index)
    expect((await open(builder.files()).select('latest')).digest).toBe(index.digest)
  })

  test('sees children of an index that index.json does not list', async () => {
    const builder = new LayoutBuilder()
    const { index, images } = builder.multiPlatform(['linux/amd64', 'linux/arm64'])
    const outer = builder.index([index])
    builder.list(outer).list(images[0]!).list(images[1]!)
    expect((await open(builder.files()).select('latest')).digest).toBe(outer.digest)
  })

  test.each<[string, (layout: LayoutBuilder, image: Descriptor) => void]>([
    ['its own subject', (layout, image) => layout.list(layout.image({ content: 'x', subject: image }))],
    ['artifactType', (layout) => layout.list(layout.image({ content: 'x' }), { artifactType: 'x/y' })],
    [
      'the referrers fallback tag',
      (layout, image) => {
        const subject = layout.image({ content: 'x', subject: image })
        layout.list(layout.index([subject]), { ref: image.digest.replace(':', '-') })
      },
    ],
    [
      "cosign's tag",
      (layout, image) =>
        layout.list(layout.image({ content: 'x' }), { ref: `${image.digest.replace(':', '-')}.sig` }),
    ],
    [
      "containerd's annotation",
      (layout, image) =>
        layout.list(layout.image({ content: 'x' }), {
          annotations: { 'io.containerd.manifest.subject': image.digest },
        }),
    ],
    ["Docker's annotation", (layout, image) => layout.list({ ...layout.attestation(image), platform: {} })],
    [
      'an unknown platform',
      (layout) => layout.list(layout.image({ content: 'x' }), { platform: 'unknown/unknown' }),
    ],
  ])('is never what belongs to another manifest, by %s', async (_, attach) => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    attach(builder, image)
    expect((await open(builder.list(image).files()).select('latest')).digest).toBe(image.digest)
  })

  test('is the tagged image beside referrers that have tags too', async () => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    const annotations = { 'io.containerd.manifest.subject': image.digest }
    builder.list(image, { ref: 'v1' }).list(builder.image({ content: 'x', subject: image }), { ref: 'sbom' })
    builder.list(builder.image({ content: 'y' }), { ref: 'hidden', annotations })
    builder.list(builder.attestation(image), { ref: 'attestation' })
    const { select, tags } = open(builder.files())
    expect((await select('latest')).digest).toBe(image.digest)
    expect(await tags()).toEqual(['latest', 'sbom', 'v1'])
  })

  test('is not a manifest that the layout does not hold', async () => {
    const builder = new LayoutBuilder()
    const [gone, held] = [builder.image({ content: 'gone' }), builder.image({ content: 'held' })]
    const { select } = open(builder.list(gone).list(held).forget(gone).files())
    expect((await select('latest')).digest).toBe(held.digest)
  })

  test('the rule is for no other tag', async () => {
    const failure = await failureOf(open(PRODUCER_LAYOUTS['skopeoUntagged']!().files).select('3.19'))
    expect(failure.message).toContain('it has latest')
  })
})

describe('what else stands in index.json', () => {
  test('is passed over, and named by no tag', async () => {
    const builder = new LayoutBuilder()
    const image = builder.image()
    builder.listRaw(null).listRaw('text').listRaw({ digest: 'md5:00', size: 1 }).listRaw({ size: 2 })
    builder.listRaw({ ...image, size: -1, annotations: { 'org.opencontainers.image.ref.name': 'bad' } })
    builder.list(builder.blob('x', 'text/plain'), { ref: 'text' })
    const { select, tags } = open(builder.list(image, { ref: 'v1' }).files())
    expect(await tags()).toEqual(['latest', 'v1'])
    expect((await failureOf(select('text'))).code).toBe('MANIFEST_UNKNOWN')
  })

  test('an untyped entry that is no manifest is not what its tag names', async () => {
    const layout = PRODUCER_LAYOUTS['untyped']!()
    expect((await failureOf(open(layout.files).select('text'))).code).toBe('MANIFEST_UNKNOWN')
  })
})

describe('failures of the reader', () => {
  const layout = PRODUCER_LAYOUTS['skopeoUntagged']!()
  const index = parseIndex(layout.files.get('index.json')!)
  const broken = {
    read: async () => {
      throw new Failure('CONTENT_UNAVAILABLE', 'not now')
    },
  }

  test('are passed on where the answer depends on them', async () => {
    expect(await failureOf(selectTag(index, 'latest', '', broken, { signal }))).toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
    expect(await failureOf(listTags(index, '', broken, { signal }))).toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
    })
  })

  test('do not hide that a tag is missing', async () => {
    expect(await failureOf(selectTag(index, 'v9', '', broken, { signal }))).toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      detail: { available: [] },
    })
  })

  test('an abort is not a missing tag', async () => {
    const reason = new Error('the client left')
    const aborted = AbortSignal.abort(reason)
    await expect(selectTag(index, 'v9', '', readerOf(layout.files), { signal: aborted })).rejects.toBe(reason)
    await expect(selectTag(index, 'latest', '', readerOf(layout.files), { signal: aborted })).rejects.toBe(
      reason,
    )
  })
})

test('an image whose entry has the type of its config as artifactType, as crane writes it, is latest', async () => {
  const layout = new LayoutBuilder()
  layout.list(layout.image(), { artifactType: TYPE.ociConfig })
  await expect(open(layout.files()).tags()).resolves.toEqual(['latest'])
})
