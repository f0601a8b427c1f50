import { describe, expect, test } from '@jest/globals'
import { dockerArchive } from '../../../src/export/docker-archive.ts'
import type { DockerArchiveOptions } from '../../../src/export/docker-archive.ts'
import type { ImageArchive } from '../../../src/export/image-archive.ts'
import { ociArchive } from '../../../src/export/oci-archive.ts'
import { parseReference } from '../../../src/export/reference.ts'
import type { Wanted } from '../../../src/export/reference.ts'
import { tarOf } from '../../../src/export/tar.ts'
import type { Descriptor } from '../../../src/layout/descriptor.ts'
import { itemsIn } from '../../fixtures/archives.ts'
import { layoutSource } from '../../fixtures/layout-source.ts'
import { digestOfBytes, LayoutBuilder, TYPE, type LayoutFiles } from '../../fixtures/layouts.ts'
import { PRODUCER_LAYOUTS, sparse } from '../../fixtures/producer-layouts.ts'

const { signal } = new AbortController()
const ALL: Wanted = { kind: 'all' }
const tagged = (tag: string): Wanted => ({ kind: 'tag', tag })

async function filesOf({ files }: ImageArchive): Promise<LayoutFiles> {
  const pieces: Buffer[] = []
  for await (const piece of tarOf(files, signal)) pieces.push(Buffer.from(piece))
  return new Map((await itemsIn(Buffer.concat(pieces))).map(({ name, content }) => [name, content]))
}

function json(files: LayoutFiles, path: string): never {
  return JSON.parse(Buffer.from(files.get(path) ?? []).toString()) as never
}

interface Index {
  manifests: Descriptor[]
}
interface Saved {
  Config: string
  RepoTags: string[]
  Layers: string[]
}

const pathOf = ({ digest }: { digest: string }): string => `blobs/${digest.replace(':', '/')}`

function rightBytes(files: LayoutFiles): void {
  for (const [path, bytes] of files) {
    const [blobs, algorithm, hex] = path.split('/')
    if (blobs === 'blobs')
      expect(digestOfBytes(bytes, algorithm as 'sha256')).toBe(`${algorithm ?? ''}:${hex ?? ''}`)
  }
}

describe.each(Object.entries(PRODUCER_LAYOUTS).filter(([name]) => name !== 'sparse'))(
  'a layout by %s',
  (_, make) => {
    test('comes whole, its index.json as it is', async () => {
      const { files } = make()
      const archive = await ociArchive(ALL, undefined, layoutSource(files), signal)
      const exported = await filesOf(archive)
      for (const path of exported.keys()) expect(files.has(path)).toBe(true)
      // What is left behind is what nothing leads to.
      const text = [...exported.values()].map((bytes) => Buffer.from(bytes).toString()).join()
      const left = [...files.keys()].filter((path) => !exported.has(path))
      expect(left.filter((path) => text.includes(path.split('/').at(-1) ?? ''))).toEqual([])
      expect([...exported.keys()].slice(0, 2)).toEqual(['oci-layout', 'index.json'])
      expect(exported.get('index.json')).toEqual(files.get('index.json'))
      rightBytes(exported)
    })

    test('gives each of its tags alone, under that name', async () => {
      const { files, tags } = make()
      for (const tag of tags) {
        const archive = await ociArchive(tagged(tag), undefined, layoutSource(files), signal)
        const exported = await filesOf(archive)
        const { manifests } = json(exported, 'index.json') as Index
        expect(manifests).toHaveLength(1)
        expect(manifests[0]?.annotations?.['org.opencontainers.image.ref.name']).toBe(tag)
        expect(archive.images).toEqual([{ name: tag, digest: manifests[0]?.digest }])
        // What was exported stands for itself: its own export is the same.
        const again = await ociArchive(tagged(tag), undefined, layoutSource(exported), signal)
        expect(await filesOf(again)).toEqual(exported)
        rightBytes(exported)
      }
    })
  },
)

test('order is that of index.json, depth first, each blob once', async () => {
  const layout = new LayoutBuilder()
  const shared = layout.image({ content: 'b', layers: ['common', 'of b'] })
  const other = layout.image({ content: 'a', layers: ['of a', 'common'] })
  layout.list(shared, { ref: 'b' }).list(other, { ref: 'a' }).list(shared, { ref: 'c' })
  const { files } = await ociArchive(ALL, undefined, layoutSource(layout.files()), signal)
  const layer = (content: string): string => pathOf(layout.blob(content, TYPE.ociLayer))
  const config = expect.stringMatching(/^blobs/)
  expect(files.slice(2).map(({ path }) => path)).toEqual([
    ...[pathOf(shared), config, layer('common'), layer('of b')],
    ...[pathOf(other), config, layer('of a')],
  ])
})

test('of a path below the layout, only what is of that name', async () => {
  const { files, root, others } = (PRODUCER_LAYOUTS['dockerSave'] as () => ReturnType<typeof sparse>)()
  const archive = await ociArchive(ALL, undefined, layoutSource(files, 'library/alpine'), signal)
  expect(archive.images).toEqual([{ name: 'latest', digest: root.digest }])
  const exported = await filesOf(archive)
  expect((json(exported, 'index.json') as Index).manifests.map(({ digest }) => digest)).toEqual([root.digest])
  expect(exported.has(pathOf(others['busybox'] as Descriptor))).toBe(false)
})

test('entries of index.json that are no descriptors are left out', async () => {
  const layout = new LayoutBuilder()
  const image = layout.image()
  const files = layout.listRaw({ digest: 'sha3:12', size: 1 }).list(image, { ref: 'v1' }).files()
  const exported = await filesOf(await ociArchive(ALL, undefined, layoutSource(files), signal))
  expect((json(exported, 'index.json') as Index).manifests.map(({ digest }) => digest)).toEqual([
    image.digest,
  ])
})

test('an image by digest has no name', async () => {
  const layout = new LayoutBuilder()
  const { index, images } = layout.multiPlatform(['linux/amd64', 'linux/arm64'])
  const source = layoutSource(layout.list(index, { ref: 'v1' }).files())
  const { wanted } = parseReference(`/ipfs/x@${images[1]?.digest ?? ''}`)
  const archive = await ociArchive(wanted, undefined, source, signal)
  expect(archive.images).toEqual([{ name: undefined, digest: images[1]?.digest }])
  const [entry] = (json(await filesOf(archive), 'index.json') as Index).manifests
  const { mediaType, digest, size } = images[1] as Descriptor
  expect(entry).toEqual({ mediaType, digest, size })
})

describe('one platform of many', () => {
  const layout = new LayoutBuilder()
  const { index, images } = layout.multiPlatform(['linux/amd64', 'linux/arm64/v8'])
  const plain = layout.image({ content: 'plain', platform: 'linux/s390x' })
  const files = layout.list(index, { ref: 'v1' }).list(plain, { ref: 'plain' }).files()

  test('comes under the tags that have it', async () => {
    const archive = await ociArchive(ALL, 'linux/arm64', layoutSource(files), signal)
    expect(archive.images).toEqual([{ name: 'v1', digest: images[1]?.digest }])
    const exported = await filesOf(archive)
    expect(exported.has(pathOf(index))).toBe(false)
    expect(exported.has(pathOf(images[0] as Descriptor))).toBe(false)
  })

  test('that is not there is told with those that are', async () => {
    await expect(
      ociArchive(tagged('v1'), 'linux/riscv64', layoutSource(files), signal),
    ).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: expect.stringContaining('images for linux/amd64, linux/arm64/v8'),
    })
    await expect(
      ociArchive(tagged('plain'), 'linux/amd64', layoutSource(files), signal),
    ).rejects.toMatchObject({
      message: expect.stringContaining('images for linux/s390x'),
    })
  })
})

describe('a sparse layout', () => {
  const layout = new LayoutBuilder()
  const { index, images } = layout.multiPlatform(['linux/amd64', 'linux/arm64', 'linux/s390x'])
  const [amd64, arm64, s390x] = images as [Descriptor, Descriptor, Descriptor]
  layout.forget(arm64).forget(layout.blob('image linux/s390x layer 2', TYPE.ociLayer))
  // As oras lists them: what an image is for, only the index says.
  const files = layout.list(amd64).list(s390x).list(index, { ref: 'v1' }).files()

  test('is refused, with what is missing and what is whole', async () => {
    await expect(ociArchive(ALL, undefined, layoutSource(files), signal)).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
      message: expect.stringMatching(
        /does not hold all of linux\/s390x, linux\/arm64: sha256:\w+ is missing; --platform exports one that is whole: linux\/amd64$/,
      ),
    })
  })

  test('gives a platform that is whole', async () => {
    const archive = await ociArchive(tagged('v1'), 'linux/amd64', layoutSource(files), signal)
    expect(archive.images).toEqual([{ name: 'v1', digest: amd64.digest }])
    rightBytes(await filesOf(archive))
  })

  test.each(['linux/arm64', 'linux/s390x'])('but not %s', async (platform) => {
    await expect(ociArchive(tagged('v1'), platform, layoutSource(files), signal)).rejects.toMatchObject({
      code: expect.stringMatching(/^(BLOB|MANIFEST)_UNKNOWN$/),
    })
  })

  test('of which no platform is whole is refused without that advice', async () => {
    await expect(ociArchive(ALL, undefined, layoutSource(sparse().files), signal)).rejects.toMatchObject({
      message: expect.not.stringContaining('--platform'),
    })
  })
})

test('layers that may not be distributed may be missing in a layout, not in a docker-archive', async () => {
  const layout = new LayoutBuilder()
  const layer = layout.blob('of a vendor', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')
  const config = layout.json({ os: 'linux', architecture: 'amd64' }, TYPE.dockerConfig)
  const image = layout.json(
    { schemaVersion: 2, mediaType: TYPE.dockerManifest, config, layers: [layer] },
    TYPE.dockerManifest,
  )
  const source = layoutSource(layout.forget(layer).list(image, { ref: 'v1' }).files())
  expect((await filesOf(await ociArchive(ALL, undefined, source, signal))).has(pathOf(layer))).toBe(false)
  await expect(dockerArchive(ALL, options(), source, signal)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
})

test.each<[string, (layout: LayoutBuilder) => Descriptor, string, string]>([
  [
    'a layer of another size than is said',
    (layout) => {
      const { size, ...layer } = layout.blob('layer', TYPE.ociLayer)
      const config = layout.json({}, TYPE.ociConfig)
      return layout.json(
        { schemaVersion: 2, config, layers: [{ ...layer, size: size + 1 }] },
        TYPE.ociManifest,
      )
    },
    'CONTENT_INVALID',
    'has 5 bytes, not 6',
  ],
  [
    'a layer that has no descriptor',
    (layout) =>
      layout.json(
        { schemaVersion: 2, config: layout.json({}, TYPE.ociConfig), layers: [{}] },
        TYPE.ociManifest,
      ),
    'CONTENT_INVALID',
    'layers[0] is no descriptor',
  ],
  [
    'a manifest that is none',
    (layout) => layout.blob('no manifest', TYPE.ociManifest),
    'CONTENT_INVALID',
    'is no manifest',
  ],
])('%s is refused', async (_, make, code, message) => {
  const layout = new LayoutBuilder()
  const source = layoutSource(layout.list(make(layout), { ref: 'v1' }).files())
  await expect(ociArchive(ALL, undefined, source, signal)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  })
  expect(source.opened).toEqual([])
})

function options(more: Partial<DockerArchiveOptions> = {}): DockerArchiveOptions {
  return { platform: 'linux/amd64', strict: false, name: 'app', ...more }
}

describe('a docker-archive', () => {
  const layout = new LayoutBuilder()
  const { index, images } = layout.multiPlatform(['linux/amd64', 'linux/arm64'], { layers: ['1', '2', '1'] })
  const [amd64, arm64] = images as [Descriptor, Descriptor]
  const plain = layout.image({ content: 'plain', platform: 'linux/s390x', docker: true })
  layout.list(index, { ref: 'v1' }).list(plain, { ref: 'p' }).list(index, { ref: 'stable' })
  const source = layoutSource(layout.files())

  /** The parts of an image, as the layout has them. */
  const partsOf = (image: Descriptor): { config: Descriptor; layers: Descriptor[] } =>
    json(layout.files(), pathOf(image))

  test('has config and layers as they are, and says which belong together', async () => {
    const archive = await dockerArchive(tagged('v1'), options(), source, signal)
    const files = await filesOf(archive)
    const { config, layers } = partsOf(amd64)
    expect(json(files, 'manifest.json')).toEqual([
      { Config: pathOf(config), RepoTags: ['app:v1'], Layers: layers.map(pathOf) },
    ])
    expect([...files.keys()]).toEqual(['manifest.json', ...new Set([config, ...layers].map(pathOf))])
    expect(archive.images).toEqual([{ name: 'app:v1', digest: amd64.digest }])
    rightBytes(files)
  })

  test('has all tags where none is named, each image once', async () => {
    const archive = await dockerArchive(ALL, options(), source, signal)
    const saved = json(await filesOf(archive), 'manifest.json') as Saved[]
    expect(saved.map(({ RepoTags }) => RepoTags)).toEqual([['app:p'], ['app:stable', 'app:v1']])
    expect(saved.map(({ Config }) => Config)).toEqual(
      [plain, amd64].map((one) => pathOf(partsOf(one).config)),
    )
  })

  test('has the platform that is asked for', async () => {
    const archive = await dockerArchive(
      tagged('v1'),
      options({ platform: 'linux/arm64', strict: true, name: 'ghcr.io:443/team/app' }),
      source,
      signal,
    )
    expect(archive.images).toEqual([{ name: 'ghcr.io:443/team/app:v1', digest: arm64.digest }])
  })

  test('takes an image that is no index for any platform, unless one is asked for', async () => {
    expect((await dockerArchive(tagged('p'), options(), source, signal)).images).toHaveLength(1)
    await expect(dockerArchive(tagged('p'), options({ strict: true }), source, signal)).rejects.toMatchObject(
      { code: 'MANIFEST_UNKNOWN' },
    )
  })

  test('gives an image without tag no name', async () => {
    const wanted: Wanted = { kind: 'digest', digest: amd64.digest }
    const archive = await dockerArchive(wanted, options({ name: undefined }), source, signal)
    expect(json(await filesOf(archive), 'manifest.json')).toMatchObject([{ RepoTags: [] }])
  })

  test.each([
    [undefined, /add --name/],
    ['App', /can't be the name/],
    ['a b', /can't be the name/],
    ['app:v1', /can't be the name/],
  ])('can not name an image %s', async (name, message) => {
    await expect(dockerArchive(ALL, options({ name }), source, signal)).rejects.toMatchObject({
      code: 'NAME_INVALID',
      message: expect.stringMatching(message),
    })
  })

  test('holds no other artifacts', async () => {
    const artifacts = new LayoutBuilder()
    const chart = artifacts.artifact('application/vnd.cncf.helm.config.v1+json', undefined)
    const only = layoutSource(artifacts.list(chart, { ref: 'v1' }).files())
    await expect(dockerArchive(tagged('v1'), options(), only, signal)).rejects.toMatchObject({
      code: 'MANIFEST_UNKNOWN',
      message: expect.stringContaining('helm'),
    })
  })
})
