import { expect, test } from '@jest/globals'
import { parseIndex } from '../../../src/layout/image-index.ts'
import type { InspectedImage } from '../../../src/layout/inspect.ts'
import { inspectImages } from '../../../src/layout/inspect.ts'
import type { LayoutFiles } from '../../fixtures/layouts.ts'
import { LayoutBuilder, TYPE, readerOf } from '../../fixtures/layouts.ts'
import {
  PRODUCER_LAYOUTS,
  buildkit,
  containerdByDigest,
  dockerSave,
  nestedIndex,
  oras,
  skopeoUntagged,
  sparse,
  staleEntry,
  untyped,
} from '../../fixtures/producer-layouts.ts'

const { signal } = new AbortController()

function inspect(files: LayoutFiles): Promise<InspectedImage[]> {
  return inspectImages(parseIndex(files.get('index.json')!), readerOf(files), { signal })
}

const platforms = ({ platforms }: InspectedImage): string[] => platforms.map(({ platform }) => platform)

test('an image: platform from its config, sizes of config and layers', async () => {
  const layout = new LayoutBuilder()
  const image = layout.image({ platform: 'linux/arm/v7', layers: ['12345', '123'] })
  const files = layout.list(image, { ref: '1.0' }).files()
  const config = (
    JSON.parse(Buffer.from(files.get(`blobs/${image.digest.replace(':', '/')}`)!).toString()) as {
      config: { size: number }
    }
  ).config
  expect(await inspect(files)).toEqual([
    {
      tag: '1.0',
      digest: image.digest,
      mediaType: TYPE.ociManifest,
      cid: undefined,
      platforms: [{ platform: 'linux/arm/v7', digest: image.digest, size: config.size + 8, layers: 2 }],
    },
  ])
})

test('an index: its runnable children, without attestations', async () => {
  const { files, root, others } = buildkit()
  const images = await inspect(files)
  expect(images).toHaveLength(1)
  expect(images[0]).toMatchObject({
    tag: 'latest',
    digest: root.digest,
    platforms: [
      { platform: 'linux/amd64', digest: others['amd64']!.digest, layers: 2 },
      { platform: 'linux/arm64', digest: others['arm64']!.digest, layers: 2 },
    ],
  })
})

test('children and referrers that are listed beside their index are no images of their own', async () => {
  const images = await inspect(oras().files)
  expect(images.map(({ tag }) => tag)).toEqual(['1.0'])
  expect(platforms(images[0]!)).toEqual(['linux/amd64', 'linux/arm64'])
})

test('untagged roots come last', async () => {
  expect((await inspect(skopeoUntagged().files)).map(({ tag }) => tag)).toEqual([undefined])
  expect((await inspect(containerdByDigest().files)).map(({ tag }) => tag)).toEqual([undefined])
  const { files, root, others } = staleEntry()
  expect((await inspect(files)).map(({ tag, digest }) => [tag, digest])).toEqual([
    ['v1', root.digest],
    [undefined, others['stale']!.digest],
  ])
})

test('an index in an index', async () => {
  const images = await inspect(nestedIndex().files)
  expect(images).toHaveLength(1)
  expect(platforms(images[0]!)).toEqual(['linux/amd64', 'linux/arm64'])
})

test('a platform whose manifest is missing has no size', async () => {
  const { files, others } = sparse()
  expect((await inspect(files))[0]!.platforms).toEqual([
    expect.objectContaining({ platform: 'linux/amd64', layers: 2 }),
    { platform: 'linux/arm64', digest: others['missing']!.digest, size: 0, layers: 0 },
  ])
})

test('a tag whose manifest is missing has no platforms', async () => {
  const layout = new LayoutBuilder()
  const image = layout.image()
  const files = layout.list(image, { ref: '1' }).forget(image).files()
  expect(await inspect(files)).toMatchObject([{ tag: '1', digest: image.digest, platforms: [] }])
})

test('the type of an untyped image is found out; what is no image is not listed', async () => {
  const { files, root } = untyped()
  expect(await inspect(files)).toMatchObject([
    { tag: 'v1', digest: root.digest, mediaType: TYPE.ociManifest },
  ])
})

test('several images with one tag: all are shown, those it does not name by full name', async () => {
  const layout = new LayoutBuilder()
  const [a, b] = [layout.image({ content: 'a' }), layout.image({ content: 'b' })]
  layout.list(a, { name: 'docker.io/library/a:1', ref: '1' })
  layout.list(b, { name: 'docker.io/library/b:1', ref: '1' })
  expect(await inspect(layout.files())).toMatchObject([
    { tag: '1', digest: b.digest },
    { tag: 'docker.io/library/a:1', digest: a.digest },
  ])
  const podman = new LayoutBuilder()
  podman.list(podman.image({ content: 'a' }), { ref: 'localhost/a:1' })
  podman.list(podman.image({ content: 'b' }), { ref: 'localhost/b:1' })
  expect((await inspect(podman.files())).map(({ tag }) => tag)).toEqual(['localhost/a:1', 'localhost/b:1'])
})

test('one image under several tags is shown under each', async () => {
  const images = await inspect(dockerSave().files)
  expect(images.map(({ tag }) => tag)).toEqual(['1.36', 'latest', 'stable'])
})

test('an artifact has no platform', async () => {
  const layout = new LayoutBuilder()
  const chart = layout.image({ configType: 'application/vnd.cncf.helm.config.v1+json' })
  const files = layout.list(chart, { ref: '1' }).files()
  const reader = readerOf(files)
  const images = await inspectImages(parseIndex(files.get('index.json')!), reader, { signal })
  expect(platforms(images[0]!)).toEqual(['unknown'])
  expect(new Set(reader.reads)).toEqual(new Set([chart.digest]))
})

test('10 000 tags are all listed, with bounded reads', async () => {
  const layout = new LayoutBuilder()
  for (let i = 0; i < 10_000; i++) {
    const digest = `sha256:${i.toString(16).padStart(64, '0')}` as const
    layout.list({ mediaType: TYPE.ociManifest, digest, size: 500 }, { ref: `v${i}` })
  }
  const files = layout.files()
  const reader = readerOf(files)
  const images = await inspectImages(parseIndex(files.get('index.json')!), reader, { signal })
  expect(images).toHaveLength(10_000)
  expect(reader.reads.length).toBeLessThanOrEqual(1024)
})

test.each(Object.entries(PRODUCER_LAYOUTS))('%s: its root is shown', async (_, build) => {
  const { files, root } = build()
  const image = (await inspect(files)).find(({ digest }) => digest === root.digest)
  expect(image).toMatchObject({ mediaType: root.mediaType })
  expect(image!.platforms.length).toBeGreaterThan(0)
})
