import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { createPublisher } from '../../../src/publish/publish-layouts.ts'
import type { PublisherOptions } from '../../../src/publish/publish-layouts.ts'
import type { PublishInput, PublishProgress, PublishRequest } from '../../../src/publish/publisher.ts'
import type { PublishTarget } from '../../../src/publish/target.ts'
import {
  configOf,
  dockerArchive,
  dockerLayoutArchive,
  itemsOf,
  layerWith,
  podmanArchive,
  tarOf,
} from '../../fixtures/archives.ts'
import type { ArchiveItem } from '../../fixtures/archives.ts'
import { inTemporaryFolder, writeFiles } from '../../fixtures/folders.ts'
import { digestOfBytes, inFolder, LayoutBuilder, sideBySide } from '../../fixtures/layouts.ts'
import type { LayoutFiles } from '../../fixtures/layouts.ts'
import { tarBytes } from '../../fixtures/tar-bytes.ts'
import { memoryTarget } from '../../fixtures/memory-target.ts'

const never = new AbortController().signal

type Options = Partial<PublishRequest> & Partial<Pick<PublisherOptions, 'archiveLimits'>>

/** Publish from a work folder of its own, and see that nothing is left in it. */
function publishing(input: PublishInput, options: Options = {}, target = memoryTarget()) {
  return inTemporaryFolder(async (folder) => {
    const workDir = join(folder, 'work')
    const { archiveLimits = {}, ...request } = options
    try {
      const publisher = createPublisher({ target, workDir, archiveLimits })
      const result = await publisher.publish({ input, signal: never, ...request })
      return { ...result, target, files: filesOf(target.stored, result.root) }
    } finally {
      const left = await readdir(workDir).catch(() => [])
      expect(left).toEqual([])
    }
  })
}

function streamOf(bytes: Uint8Array, piece = 100_000): PublishInput {
  const stream = (async function* () {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
  })()
  return { kind: 'stream', stream }
}

async function publishTar(items: readonly ArchiveItem[], options: Options = {}) {
  return publishing(streamOf(await tarOf(items)), options)
}

/** The files below a root, read back from a target. */
function filesOf(stored: Map<string, Uint8Array>, root: string, path = ''): LayoutFiles {
  const bytes = stored.get(root)!
  if (CID.parse(root).code !== dagPb.code) return new Map([[path, bytes]])
  const links = dagPb.decode(bytes).Links
  return new Map(
    links.flatMap(({ Name = '', Hash }) => [
      ...filesOf(stored, Hash.toString(), path === '' ? Name : `${path}/${Name}`),
    ]),
  )
}

const json = (files: LayoutFiles, path: string) => JSON.parse(Buffer.from(files.get(path)!).toString())
const blobOf = (files: LayoutFiles, folder: string, digest: string) =>
  Buffer.from(files.get(`${folder}/blobs/${digest.replace(':', '/')}`)!)

async function folderCid(files: LayoutFiles): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    await writeFiles(join(folder, 'x'), files)
    return (await publishing({ kind: 'path', path: join(folder, 'x') })).root
  })
}

async function twoLayers() {
  return [await layerWith('base'), await layerWith('top')]
}

describe('a docker-archive', () => {
  test.each([
    ['of docker', dockerArchive],
    ['of podman', podmanArchive],
  ])('%s becomes a layout that keeps config and layers byte for byte', async (_who, archive) => {
    const layers = await twoLayers()
    const image = { layers, repoTags: ['docker.io/library/alpine:3.10.1', 'docker.io/library/alpine:3'] }
    const { files, layouts } = await publishTar(archive([image]))
    expect(layouts).toEqual([{ path: 'alpine', tags: ['3', '3.10.1', 'latest'] }])
    const index = json(files, 'alpine/index.json')
    expect(index.manifests).toHaveLength(2)
    expect(index.manifests.map(({ annotations }: { annotations: object }) => annotations)).toEqual([
      { 'org.opencontainers.image.ref.name': '3' },
      { 'org.opencontainers.image.ref.name': '3.10.1' },
    ])
    expect(index.manifests[0].digest).toBe(index.manifests[1].digest)
    const manifest = JSON.parse(blobOf(files, 'alpine', index.manifests[0].digest).toString())
    expect(manifest).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: digestOfBytes(configOf(image)),
        size: configOf(image).length,
      },
      layers: layers.map((layer) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: digestOfBytes(layer),
        size: layer.length,
      })),
    })
    expect(blobOf(files, 'alpine', manifest.config.digest).equals(configOf(image))).toBe(true)
    layers.forEach((layer, at) =>
      expect(blobOf(files, 'alpine', manifest.layers[at].digest).equals(layer)).toBe(true),
    )
    expect([...files.keys()].filter((path) => !path.includes('/blobs/'))).toEqual([
      'alpine/index.json',
      'alpine/oci-layout',
    ])
  })

  test('has one CID: of docker or podman, plain or compressed, from a file or a stream', async () => {
    const image = { layers: await twoLayers(), repoTags: ['app:1'] }
    const plain = await tarOf(dockerArchive([image]))
    const roots = new Set<string>()
    for (const bytes of [plain, await tarOf(podmanArchive([image])), zlib.gzipSync(plain)]) {
      roots.add((await publishing(streamOf(bytes))).root)
      roots.add((await publishing(streamOf(bytes, 7))).root)
      await inTemporaryFolder(async (folder) => {
        const path = join(folder, 'archive')
        await writeFile(path, bytes)
        roots.add((await publishing({ kind: 'path', path })).root)
      })
    }
    expect(roots.size).toBe(1)
  })

  test('compressed with zstd is read where Node.js can, and else says what to do', async () => {
    const plain = await tarOf(dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }]))
    const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer }
    const bytes = zstdCompressSync?.(plain) ?? Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0])
    const published = publishing(streamOf(bytes))
    if (zstdCompressSync === undefined) {
      await expect(published).rejects.toThrow(/`zstd -dc FILE \| ipfs-registry publish -`/)
    } else {
      expect((await published).root).toBe((await publishing(streamOf(plain))).root)
    }
  })

  test('that is plain and on disk is read in place', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'archive.tar')
      await writeFile(path, await tarOf(dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }])))
      const steps: PublishProgress[] = []
      const workDir = join(folder, 'none')
      const onProgress = (progress: PublishProgress) => {
        steps.push(progress)
      }
      const publisher = createPublisher({ target: memoryTarget(), workDir })
      await publisher.publish({ input: { kind: 'path', path }, signal: never, onProgress })
      await expect(readdir(workDir)).rejects.toThrow('ENOENT')
      const read = steps.filter(({ step }) => step === 'reading').at(-1)
      expect(read?.doneBytes).toBe(read?.totalBytes)
    })
  })

  test('has layers of the type that their first bytes tell', async () => {
    const [plain, gzipped] = await twoLayers()
    const layers = [plain!, zlib.gzipSync(gzipped!), Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0])]
    const diffIds = layers.map((layer) => digestOfBytes(layer))
    diffIds[1] = digestOfBytes(gzipped!)
    const { files } = await publishTar(dockerArchive([{ layers, diffIds, repoTags: ['app:1'] }]))
    const [{ digest }] = json(files, 'app/index.json').manifests
    const { layers: described } = JSON.parse(blobOf(files, 'app', digest).toString())
    expect(described.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([
      'application/vnd.oci.image.layer.v1.tar',
      'application/vnd.oci.image.layer.v1.tar+gzip',
      'application/vnd.oci.image.layer.v1.tar+zstd',
    ])
  })

  test('in a pipe with a name is read as a stream', async () => {
    const plain = await tarOf(dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }]))
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'pipe')
      if ((await promisify(execFile)('mkfifo', [path]).catch(() => undefined)) === undefined) return
      const writing = writeFile(path, plain)
      const { layouts } = await publishing({ kind: 'path', path })
      await writing
      expect(layouts).toEqual([{ path: 'app', tags: ['1', 'latest'] }])
    })
  })

  test('leaves nothing in the work folder even while it is published', async () => {
    const plain = await tarOf(dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }]))
    await inTemporaryFolder(async (folder) => {
      const target = memoryTarget()
      const left: string[][] = []
      const watched: PublishTarget = {
        ...target,
        addFile: async (file, options) => {
          left.push(await readdir(folder))
          return target.addFile(file, options)
        },
      }
      await createPublisher({ target: watched, workDir: folder }).publish({
        input: streamOf(plain),
        signal: never,
      })
      expect(left.length).toBeGreaterThan(0)
      // Windows keeps the name of a file that is open
      if (process.platform !== 'win32') expect(left.flat()).toEqual([])
    })
  })

  test('of several repositories has a layout for each, whatever the order', async () => {
    const one = {
      layers: await twoLayers(),
      repoTags: ['docker.io/library/alpine:3', 'localhost:5000/b/app:1'],
    }
    const other = { layers: [await layerWith('other')], repoTags: ['a/app:1', 'a/app:2'] }
    const { layouts, root } = await publishTar(dockerArchive([one, other]))
    expect(layouts).toEqual([
      { path: 'a/app', tags: ['1', '2', 'latest'] },
      { path: 'alpine', tags: ['3', 'latest'] },
      { path: 'b/app', tags: ['1', 'latest'] },
    ])
    expect((await publishTar(dockerArchive([other, one]))).root).toBe(root)
    const named = await publishTar(dockerArchive([one, other]), { name: 'team' })
    expect(named.layouts.map(({ path }) => path)).toEqual(['team/a/app', 'team/alpine', 'team/b/app'])
  })

  test('goes where the name says, and to the root when it has none', async () => {
    const image = { layers: await twoLayers() }
    const named = { ...image, repoTags: ['alpine:3'] }
    expect((await publishTar(dockerArchive([named]), { name: 'x/y' })).layouts).toEqual([
      { path: 'x/y', tags: ['3', 'latest'] },
    ])
    expect((await publishTar(dockerArchive([image]))).layouts).toEqual([{ path: '', tags: ['latest'] }])
  })

  test('takes a tag for an image that has none', async () => {
    const image = { layers: await twoLayers() }
    const { layouts } = await publishTar(dockerArchive([image]), { name: 'app', tag: '1.0' })
    expect(layouts).toEqual([{ path: 'app', tags: ['1.0', 'latest'] }])
    const tagged = { ...image, repoTags: ['app:2'] }
    await expect(publishTar(dockerArchive([tagged]), { tag: '1' })).rejects.toThrow(/has the tag "2" already/)
    const two = [image, { layers: [await layerWith('other')] }]
    await expect(publishTar(dockerArchive(two), { tag: '1' })).rejects.toThrow(/the archive has 2/)
    const notATag = publishTar(dockerArchive([image]), { tag: 'not a tag' })
    await expect(notATag).rejects.toMatchObject({ code: 'NAME_INVALID' })
  })

  test('may hold a file twice: the later one counts, as for tar', async () => {
    const items = dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }])
    const { root } = await publishTar(items)
    expect((await publishTar([{ name: 'manifest.json', content: 'old' }, ...items])).root).toBe(root)
    const moved = items.map((item) => (item.name === 'manifest.json' ? { ...item, name: 'new' } : item))
    const link: ArchiveItem = { name: 'manifest.json', type: 'symlink', linkname: 'new' }
    const old = { name: 'manifest.json', content: 'old' }
    expect((await publishTar([old, ...moved, link])).root).toBe(root)
    expect((await publishTar([{ ...link, linkname: 'old' }, ...items])).root).toBe(root)
  })

  test('may have hard links', async () => {
    const items = dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }])
    const { root } = await publishTar(items)
    const linked = items.flatMap((item): ArchiveItem[] =>
      item.name.endsWith('/layer.tar') && item.type === undefined
        ? [
            { name: `data/${item.name}`, content: item.content! },
            { name: item.name, type: 'link', linkname: `data/${item.name}` },
          ]
        : [item],
    )
    expect((await publishTar(linked)).root).toBe(root)
  })
})

describe('an archive of a layout', () => {
  function app(content = 'app') {
    const layout = new LayoutBuilder()
    return { layout, image: layout.image({ content }) }
  }

  test.each([
    ['v1', '', ['latest', 'v1']],
    ['example.org/team/app:1.0', 'app', ['1.0', 'latest']],
  ])('with ref.name %s keeps its bytes', async (ref, folder, tags) => {
    const { layout, image } = app()
    const files = layout.list(image, { ref }).files()
    const { root, layouts } = await publishTar(itemsOf(files))
    expect(layouts).toEqual([{ path: folder, tags }])
    expect(root).toBe(await folderCid(folder === '' ? files : inFolder(folder, files)))
    const named = await publishTar(itemsOf(files), { name: 'team/app' })
    expect(named.root).toBe(await folderCid(inFolder('team/app', files)))
  })

  test('of `docker save` loses only what is Docker’s own', async () => {
    const { layout, image } = app()
    const files = layout.list(image, { ref: '1.0', name: 'docker.io/library/app:1.0' }).files()
    const { root, layouts } = await publishTar(dockerLayoutArchive(files))
    expect(layouts).toEqual([{ path: 'app', tags: ['1.0', 'latest'] }])
    expect(root).toBe(await folderCid(inFolder('app', files)))
  })

  test('of `docker save` may hold one platform of several', async () => {
    const layout = new LayoutBuilder()
    const { index, images } = layout.multiPlatform(['linux/amd64', 'linux/arm64'])
    const files = layout.list(index, { ref: '1', name: 'app:1' }).forget(images[1]!).files()
    expect((await publishTar(dockerLayoutArchive(files))).layouts).toEqual([
      { path: 'app', tags: ['1', 'latest'] },
    ])
    await expect(publishTar(itemsOf(files))).rejects.toThrow(/is missing; it is manifests\[1\]/)
  })

  test('of several repositories becomes a layout for each', async () => {
    const { layout, image } = app('one')
    const { index } = layout.multiPlatform(['linux/amd64', 'linux/arm64'], { content: 'two' })
    const files = layout
      .list(image, { ref: '1', name: 'docker.io/library/one:1' })
      .list(index, { ref: '2', name: 'docker.io/library/two:2' })
      .files()
    const result = await publishTar(dockerLayoutArchive(files))
    expect(result.layouts).toEqual([
      { path: 'one', tags: ['1', 'latest'] },
      { path: 'two', tags: ['2', 'latest'] },
    ])
    const blobs = [...result.files.keys()].filter((path) => path.startsWith('one/blobs/'))
    expect(blobs).toHaveLength(4)
    expect([...result.files.keys()].filter((path) => path.startsWith('two/blobs/'))).toHaveLength(9)
  })

  test('takes a tag when its only image has none', async () => {
    const { layout, image } = app()
    const { layouts } = await publishTar(itemsOf(layout.list(image).files()), { tag: '7', name: 'app' })
    expect(layouts).toEqual([{ path: 'app', tags: ['7', 'latest'] }])
    const tagged = app()
    const files = tagged.layout.list(tagged.image, { ref: '1' }).files()
    await expect(publishTar(itemsOf(files), { tag: '7' })).rejects.toThrow(/has the tag "1" already/)
    expect((await publishTar(itemsOf(files), { tag: '1' })).root).toBe(await folderCid(files))
  })

  test('may hold several, each in its folder', async () => {
    const [one, two] = ['one', 'two'].map((content) => {
      const { layout, image } = app(content)
      return layout.list(image, { ref: content }).files()
    })
    const files = sideBySide({ one: one!, 'deep/two': two! })
    const { root, layouts } = await publishTar([...itemsOf(files), { name: 'README', content: 'hi' }])
    expect(layouts.map(({ path }) => path)).toEqual(['deep/two', 'one'])
    expect(root).toBe(await folderCid(files))
    await expect(publishTar(itemsOf(files), { tag: '1' })).rejects.toThrow(/to one at its root only/)
  })

  test('may hold sha512 blobs, entries with ./ in front, and long names', async () => {
    const layout = new LayoutBuilder({ algorithm: 'sha512' })
    const files = layout.list(layout.image(), { ref: '1' }).files()
    const items = itemsOf(files).map((item) => ({ ...item, name: `./${item.name}` }))
    expect((await publishTar([{ name: './', type: 'directory' }, ...items])).root).toBe(
      await folderCid(files),
    )
  })

  test('with a damaged blob is refused', async () => {
    const { layout, image } = app()
    const items = itemsOf(layout.list(image, { ref: '1' }).files())
    const damaged = items.map((item) =>
      Buffer.from(item.content!).toString() === 'app layer 1' ? { ...item, content: 'app layer !' } : item,
    )
    const target = memoryTarget()
    const refused = publishing(streamOf(await tarOf(damaged)), {}, target)
    await expect(refused).rejects.toThrow(/blobs\/sha256\/\w{64} in the archive is damaged/)
    expect(target.stored.size).toBe(0)
  })
})

describe('a bad archive is refused before anything is stored', () => {
  const image = async () => dockerArchive([{ layers: await twoLayers(), repoTags: ['app:1'] }])
  const changed = async (name: RegExp, change: Partial<ArchiveItem> | undefined) => {
    const items = await image()
    const found = items.filter((item) => name.test(item.name))
    expect(found.length).toBeGreaterThan(0)
    const first = items.indexOf(found[0]!)
    return tarOf(
      items.flatMap((item, at) => (at !== first ? [item] : change ? [{ ...item, ...change }] : [])),
    )
  }
  const with_ = async (item: ArchiveItem) => tarOf([item, ...(await image())])

  test.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['nothing', async () => Buffer.alloc(0), /the archive is empty/],
    ['what is no tar', async () => Buffer.alloc(5_000, 'no tar'), /is damaged, cut short, or no tar archive/],
    ['an empty tar', () => tarOf([]), /neither an index\.json nor a manifest\.json/],
    ['any tar', () => tarOf([{ name: 'x', content: 'y' }]), /is not an archive of images/],
    ['one before Docker 1.10', () => tarOf([{ name: 'repositories', content: '{}' }]), /before 1\.10/],
    ['one that is cut', async () => (await tarOf(await image())).subarray(0, 2_000), /damaged, cut short/],
    [
      'one that ends within a file that is said to be longer',
      async () => tarBytes([{ name: 'x', content: Buffer.from('y'), size: '00000100000 ' }]),
      /damaged, cut short/,
    ],
    [
      'one whose compression is cut',
      async () => zlib.gzipSync(await tarOf(await image())).subarray(0, -20),
      /the gzip compression of the archive is damaged or cut short/,
    ],
    ['one in bzip2', async () => Buffer.from('BZh91AY&SY'), /bzip2 -dc FILE \| ipfs-registry publish -/],
    [
      'a layer missing',
      () => changed(/layer\.tar/, undefined),
      /layer\.tar in the archive, Layers\[0\] of .* missing/,
    ],
    [
      'a config missing',
      () => changed(/^\w{64}\.json/, undefined),
      /\.json in the archive, the Config of .* missing/,
    ],
    [
      'a damaged layer',
      async () => changed(/layer\.tar/, { content: await layerWith('bass') }),
      /layer\.tar in the archive is damaged: the digest/,
    ],
    [
      'a damaged config',
      () => changed(/^\w{64}\.json/, { content: '{"rootfs":{}}' }),
      /\.json in the archive is damaged: the digest/,
    ],
    [
      'a config that is none',
      () => changed(/manifest\.json/, { content: '[{"Config":"repositories","Layers":[]}]' }),
      /is not the JSON of an image's config/,
    ],
    [
      'a manifest.json that is none',
      () => changed(/manifest/, { content: '{"a":1}' }),
      /is not a JSON list of images/,
    ],
    [
      'a manifest.json without images',
      () => changed(/manifest/, { content: '[]' }),
      /is not a JSON list of images/,
    ],
    ['a manifest.json of nonsense', () => changed(/manifest/, { content: '[7]' }), /\[0\] has no Config/],
    ['a path upwards', () => with_({ name: '../../etc/passwd', content: 'x' }), /leads out of it/],
    ['an absolute path', () => with_({ name: '/etc/passwd', content: 'x' }), /leads out of it/],
    [
      'a link upwards',
      () => with_({ name: 'a/b', type: 'symlink', linkname: '../../etc/passwd' }),
      /"..\/..\/etc\/passwd", which leads out/,
    ],
    [
      'an absolute link',
      () => with_({ name: 'a', type: 'symlink', linkname: '/etc/passwd' }),
      /leads out of it/,
    ],
    [
      'a device',
      () => with_({ name: 'null', type: 'character-device' }),
      /is neither a file, a folder nor a link/,
    ],
    [
      'links in a circle',
      async () =>
        tarOf([
          { name: 'manifest.json', type: 'symlink', linkname: 'b' },
          { name: 'b', type: 'symlink', linkname: 'manifest.json' },
        ]),
      /is not an archive of images/,
    ],
  ])('%s', async (_what, bytes, message) => {
    const target = memoryTarget()
    const refused = publishing(streamOf(await bytes()), {}, target)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
    expect(target.stored.size).toBe(0)
  })

  test('a decompression bomb, after a little of it', async () => {
    const member = zlib.gzipSync(Buffer.alloc(1_000_000))
    let members = 0
    const stream = (async function* () {
      // a gzip file may have any number of members
      for (; members < 10_000; members++) yield member
    })()
    const limits = { archiveLimits: { freeBytes: 1_000_000 } }
    await expect(publishing({ kind: 'stream', stream }, limits)).rejects.toThrow(
      /looks like a decompression bomb/,
    )
    expect(members).toBeLessThan(1_000)
  })

  test('an endless one', async () => {
    const stream = (async function* () {
      for (;;) yield Buffer.alloc(65_536)
    })()
    const limits = { archiveLimits: { maxBytes: 10_000_000 } }
    await expect(publishing({ kind: 'stream', stream }, limits)).rejects.toThrow(
      /more than the 10000000 bytes/,
    )
  })

  test('one of too many entries', async () => {
    const items = Array.from({ length: 12 }, (_, at) => ({ name: `${at}` }))
    const limits = { archiveLimits: { maxEntries: 10 } }
    await expect(publishTar(items, limits)).rejects.toThrow(/more than the 10 entries/)
  })

  test('a source that breaks off, with its own error', async () => {
    const whole = await tarOf(await image())
    const stream = (async function* () {
      yield whole.subarray(0, 3_000)
      throw new Error('pipe burst')
    })()
    await expect(publishing({ kind: 'stream', stream })).rejects.toThrow('pipe burst')
  })

  test('one that nobody wants any more, while it still comes', async () => {
    const whole = await tarOf(await image())
    const aborted = new AbortController()
    let ended = false
    const stream = (async function* () {
      try {
        yield whole.subarray(0, 3_000)
        aborted.abort(new Error('interrupted'))
        for (;;) yield Buffer.alloc(65_536)
      } finally {
        ended = true
      }
    })()
    const refused = publishing({ kind: 'stream', stream }, { signal: aborted.signal })
    await expect(refused).rejects.toThrow('interrupted')
    expect(ended).toBe(true)
  })

  test('one that nobody wants any more, while nothing comes', async () => {
    for (const first of [0, 3_000]) {
      const whole = await tarOf(await image())
      const aborted = new AbortController()
      const stream = (async function* () {
        if (first > 0) yield whole.subarray(0, first)
        setImmediate(() => aborted.abort(new Error('interrupted')))
        await new Promise(() => undefined)
      })()
      const refused = publishing({ kind: 'stream', stream }, { signal: aborted.signal })
      await expect(refused).rejects.toThrow('interrupted')
    }
  })

  test('one for which there is no place', async () => {
    await inTemporaryFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '')
      await mkdir(join(folder, 'x'))
      const publisher = createPublisher({ target: memoryTarget(), workDir: join(folder, 'file', 'work') })
      const refused = publisher.publish({ input: streamOf(await tarOf(await image())), signal: never })
      await expect(refused).rejects.toMatchObject({ code: 'STORE_FAILED' })
    })
  })
})
