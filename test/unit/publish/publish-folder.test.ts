import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { importer } from 'ipfs-unixfs-importer'
import { createPublisher } from '../../../src/publish/publish-layouts.ts'
import type { PublishProgress, PublishRequest } from '../../../src/publish/publisher.ts'
import { inTemporaryFolder, writeFiles } from '../../fixtures/folders.ts'
import {
  digestOfBytes,
  inFolder,
  LayoutBuilder,
  sideBySide,
  TYPE,
  withSharedBlobs,
} from '../../fixtures/layouts.ts'
import type { LayoutFiles } from '../../fixtures/layouts.ts'
import { memoryTarget } from '../../fixtures/memory-target.ts'
import type { MemoryTarget } from '../../fixtures/memory-target.ts'

const never = new AbortController().signal

function alpine(): LayoutFiles {
  const layout = new LayoutBuilder()
  return layout.list(layout.image({ content: 'alpine' }), { ref: '3.10.1' }).files()
}

function busybox(): LayoutFiles {
  const layout = new LayoutBuilder()
  const { index } = layout.multiPlatform(['linux/amd64', 'linux/arm64'], { content: 'busybox' })
  return layout.list(index, { ref: '1.36' }).list(index, { ref: 'stable' }).files()
}

/** Write files to a folder of their own, and publish that. */
function publishing(files: LayoutFiles, request: Partial<PublishRequest> = {}, target = memoryTarget()) {
  return inTemporaryFolder(async (folder) => {
    await writeFiles(join(folder, 'images'), files)
    return publishFolder(join(folder, 'images'), request, target)
  })
}

async function publishFolder(path: string, request: Partial<PublishRequest> = {}, target = memoryTarget()) {
  const publisher = createPublisher({ target, workDir: join(path, '..') })
  const result = await publisher.publish({ input: { kind: 'path', path }, signal: never, ...request })
  return { result, target }
}

/** What `ipfs add -r` makes of the files. */
async function added(files: LayoutFiles): Promise<string> {
  let root = ''
  const source = [...files].map(([path, content]) => ({ path, content }))
  const store = { put: async (cid: unknown) => cid }
  const options = { profile: 'unixfs-v1-2025', wrapWithDirectory: true } as const
  for await (const { cid } of importer(source, store as never, options)) root = cid.toString()
  return root
}

function changed(files: LayoutFiles, path: RegExp, change: (bytes: Buffer) => Uint8Array | undefined) {
  const copy = new Map(files)
  const found = [...files].filter(([name]) => path.test(name))
  expect(found).toHaveLength(1)
  for (const [name, bytes] of found) {
    const now = change(Buffer.from(bytes))
    if (now === undefined) copy.delete(name)
    else copy.set(name, now)
  }
  return copy
}

function pathOf(files: LayoutFiles, text: string): RegExp {
  const [path] = [...files].find(([, bytes]) => Buffer.from(bytes).toString().includes(text))!
  return new RegExp(`^${path}$`)
}

describe('publishing a folder', () => {
  test('gives the CID of `ipfs add -r`, and the tags of each layout in it', async () => {
    const files = sideBySide({ 'library/alpine': alpine(), busybox: busybox() })
    const { result, target } = await publishing(files)
    expect(result).toEqual({
      root: await added(files),
      target: 'memory',
      layouts: [
        { path: 'busybox', tags: ['1.36', 'latest', 'stable'] },
        { path: 'library/alpine', tags: ['3.10.1', 'latest'] },
      ],
      bytes: [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0),
    })
    expect(target.pinned).toEqual([{ cid: result.root, label: 'images' }])
  })

  test('that is a layout itself makes that the root', async () => {
    const { result } = await publishing(alpine())
    expect(result.root).toBe(await added(alpine()))
    expect(result.layouts).toEqual([{ path: '', tags: ['3.10.1', 'latest'] }])
  })

  test('puts it below a name', async () => {
    const { result, target } = await publishing(alpine(), { name: 'library/alpine' })
    expect(result.root).toBe(await added(inFolder('library/alpine', alpine())))
    expect(result.layouts.map(({ path }) => path)).toEqual(['library/alpine'])
    expect(target.pinned.map(({ label }) => label)).toEqual(['library/alpine'])
  })

  test.each(['Alpine', 'a//b', '../a', 'a/', '', 'a/.', 'x'.repeat(201)])(
    'refuses the name "%s"',
    async (name) => {
      await expect(publishing(alpine(), { name })).rejects.toMatchObject({ code: 'NAME_INVALID' })
    },
  )

  test('takes what is no layout along, but not what is hidden, as `ipfs add -r` does', async () => {
    const files: LayoutFiles = new Map([
      ...inFolder('alpine', alpine()),
      ['README', Buffer.from('read me')],
      ['alpine/notes/today', Buffer.from('notes')],
    ])
    const withHidden = new Map([
      ...files,
      ['.git/config', Buffer.from('hidden')],
      ['alpine/.DS_Store', Buffer.from('hidden')],
    ])
    expect((await publishing(withHidden)).result.root).toBe(await added(files))
  })

  test('keeps empty folders', async () => {
    await inTemporaryFolder(async (folder) => {
      await writeFiles(folder, alpine())
      const without = await publishFolder(folder)
      await mkdir(join(folder, 'empty'))
      const { result } = await publishFolder(folder)
      expect(result.root).not.toBe(without.result.root)
    })
  })

  test('stores a blob that two layouts share once', async () => {
    const files = sideBySide({ one: alpine(), two: alpine() })
    const { target, result } = await publishing(files)
    expect(result.root).toBe(await added(files))
    const blobs = target.added.filter((cid) => Buffer.from(target.stored.get(cid)!).includes('layer 1'))
    expect(blobs).toHaveLength(1)
  })

  test('finds blobs that are shared above the layouts', async () => {
    const files = withSharedBlobs({ alpine: alpine(), busybox: busybox() })
    const { result } = await publishing(files)
    expect(result.root).toBe(await added(files))
    expect(result.layouts.map(({ path }) => path)).toEqual(['alpine', 'busybox'])
  })

  test('takes layouts without an oci-layout file, and sha512 blobs', async () => {
    const layout = new LayoutBuilder({ algorithm: 'sha512' })
    const files = layout.list(layout.image(), { ref: '1' }).files()
    files.delete('oci-layout')
    expect((await publishing(files)).result.root).toBe(await added(files))
  })

  test('takes a layout without its foreign layers', async () => {
    const layout = new LayoutBuilder()
    const layer = layout.blob('windows', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')
    const config = layout.json({}, TYPE.ociConfig)
    const manifest = layout.json({ schemaVersion: 2, config, layers: [layer] }, TYPE.ociManifest)
    const files = layout.list(manifest, { ref: '1' }).forget(layer).files()
    expect((await publishing(files)).result.layouts).toEqual([{ path: '', tags: ['1', 'latest'] }])
  })

  test('takes entries of types that nobody knows', async () => {
    const layout = new LayoutBuilder()
    const other = layout.blob('anything', 'application/x-anything')
    const files = layout.list(layout.image(), { ref: '1' }).list(other).files()
    expect((await publishing(files)).result.root).toBe(await added(files))
  })

  test('takes what `docker save` wrote for one platform of several', async () => {
    const layout = new LayoutBuilder()
    const { index, images } = layout.multiPlatform(['linux/amd64', 'linux/arm64'])
    const files = layout.list(index, { ref: '1' }).forget(images[1]!).files()
    await expect(publishing(files)).rejects.toThrow(/is missing; it is manifests\[1\] .* for linux\/arm64/)
    files.set('manifest.json', Buffer.from('[]'))
    expect((await publishing(files)).result.layouts).toEqual([{ path: '', tags: ['1', 'latest'] }])
    const without = new Map(files)
    without.delete(`blobs/${images[0]!.digest.replace(':', '/')}`)
    await expect(publishing(without)).rejects.toThrow(/is missing/)
  })

  test('tells how far it is', async () => {
    const steps: PublishProgress[] = []
    const { result } = await publishing(busybox(), { onProgress: (progress) => steps.push(progress) })
    const last = (step: string) => steps.filter((progress) => progress.step === step).at(-1)
    expect(last('checking')).toMatchObject({ doneBytes: last('checking')?.totalBytes })
    expect(last('storing')).toEqual({ step: 'storing', doneBytes: result.bytes, totalBytes: result.bytes })
    expect(last('pinning')).toBeDefined()
  })

  test('stores everything once more when garbage collection was faster than the pin', async () => {
    const target = memoryTarget()
    let pins = 0
    const { Failure } = await import('../../../src/errors.ts')
    target.beforePin = () => {
      pins += 1
      if (pins === 1) throw new Failure('CONTENT_NOT_FOUND', 'collected')
    }
    await publishing(alpine(), {}, target)
    expect(pins).toBe(2)
    expect(target.added.length).toBe(2 * new Set(target.added).size)
    target.beforePin = () => {
      throw new Failure('CONTENT_NOT_FOUND', 'collected')
    }
    await expect(publishing(alpine(), {}, target)).rejects.toThrow('collected')
  })

  test('ends when nobody waits for it any more', async () => {
    const aborted = new AbortController()
    const target = memoryTarget()
    target.beforeFile = () => aborted.abort(new Error('interrupted'))
    await expect(publishing(busybox(), { signal: aborted.signal }, target)).rejects.toThrow('interrupted')
    expect(target.pinned).toEqual([])
  })
})

describe('a broken layout is refused before anything is stored', () => {
  const layer = () => pathOf(alpine(), 'alpine layer 2')
  const manifest = () => pathOf(alpine(), '"layers":[')
  const append = (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])
  const flip = (bytes: Buffer) => bytes.map((byte, at) => (at === 3 ? byte ^ 1 : byte))

  test.each<[string, () => LayoutFiles, RegExp]>([
    ['a flipped bit in a layer', () => changed(alpine(), layer(), flip), /blobs\/sha256\/\w{64} is damaged/],
    ['a layer that is longer', () => changed(alpine(), layer(), append), /has 15 bytes; layers\[1\] .* 14/],
    [
      'a flipped bit in a manifest',
      () => changed(alpine(), manifest(), flip),
      /blobs\/sha256\/\w{64} is damaged/,
    ],
    [
      'a missing layer',
      () => changed(alpine(), layer(), () => undefined),
      /\w{64} is missing; it is layers\[1\] of/,
    ],
    [
      'a missing manifest',
      () => changed(alpine(), manifest(), () => undefined),
      /\w{64} is missing; it is manifests\[0\] of .*index\.json/,
    ],
    [
      'a damaged blob that nothing refers to',
      () => new Map([...alpine(), [`blobs/sha256/${'0'.repeat(64)}`, Buffer.from('?')]]),
      /0{64} is damaged/,
    ],
    [
      'a blob not named by a digest',
      () => new Map([...alpine(), ['blobs/sha256/oci-put-blob123', Buffer.from('?')]]),
      /oci-put-blob123 is among the blobs, but not named by a digest/,
    ],
    [
      'index.json that is no JSON',
      () => changed(alpine(), /^index/, (bytes) => bytes.subarray(1)),
      /index\.json is not the JSON/,
    ],
    [
      'index.json that is empty',
      () => changed(alpine(), /^index/, () => Buffer.alloc(0)),
      /index\.json is not the JSON/,
    ],
    ['no index.json', () => changed(alpine(), /^index/, () => undefined), /index\.json is missing/],
    [
      'an entry without size',
      () => changed(alpine(), /^index/, (bytes) => Buffer.from(bytes.toString().replace('"size"', '"sise"'))),
      /index\.json: manifests\[0\] is no descriptor/,
    ],
    [
      'another version of layouts',
      () => changed(alpine(), /^oci-layout/, () => Buffer.from('{"imageLayoutVersion":"2.0.0"}')),
      /oci-layout does not say that the layout is of version 1\.0\.0/,
    ],
    [
      'a huge index.json',
      () => changed(alpine(), /^index/, (bytes) => Buffer.concat([bytes, Buffer.alloc(17 << 20, ' ')])),
      /index\.json is larger than/,
    ],
    ['nothing at all', () => new Map([['README', Buffer.from('hi')]]), /holds no OCI image layout/],
    [
      'the dir: form of skopeo',
      () =>
        new Map([
          ['manifest.json', Buffer.from('{}')],
          ['version', Buffer.from('Directory Transport Version: 1.1\n')],
        ]),
      /skopeo copy dir:… oci:…/,
    ],
    [
      'an unpacked docker-archive',
      () => new Map([['manifest.json', Buffer.from('[]')]]),
      /publish the archive itself/,
    ],
  ])('%s', async (_what, files, message) => {
    const target = memoryTarget()
    const refused = publishing(files(), {}, target)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
    expect(target.stored.size).toBe(0)
  })

  test('one bad layout among good ones', async () => {
    const bad = changed(alpine(), layer(), flip)
    const target = memoryTarget()
    await expect(publishing(sideBySide({ good: busybox(), bad }), {}, target)).rejects.toThrow(/bad\/blobs/)
    expect(target.stored.size).toBe(0)
  })

  test('a manifest that is none', async () => {
    const layout = new LayoutBuilder()
    const files = layout.list(layout.blob('{"a":1}', TYPE.ociManifest), { ref: '1' }).files()
    await expect(publishing(files)).rejects.toThrow(/is not the JSON of an image manifest/)
  })

  test.each(['My App', 'images/Alpine', 'a..b'])(
    'a folder by whose name nobody could pull: %s',
    async (name) => {
      const target = memoryTarget()
      const refused = publishing(sideBySide({ good: alpine(), [name]: busybox() }), {}, target)
      await expect(refused).rejects.toThrow(`${name} could not be pulled`)
      expect(target.stored.size).toBe(0)
    },
  )

  test('a symbolic link', async () => {
    await inTemporaryFolder(async (folder) => {
      await writeFiles(folder, alpine())
      await symlink('index.json', join(folder, 'link'))
      await expect(publishFolder(folder)).rejects.toThrow(/link is a symbolic link: replace it/)
    })
  })

  test('a folder that is not there', async () => {
    await inTemporaryFolder(async (folder) => {
      await expect(publishFolder(join(folder, 'no'))).rejects.toThrow(/no does not exist/)
    })
  })

  test('a tag for a layout, which has its own', async () => {
    await expect(publishing(alpine(), { tag: '1' })).rejects.toThrow(/to an archive only/)
  })
})

describe('a file that changes while it is published', () => {
  test.each([
    ['index.json', 'index.json changed while it was published'],
    [`blobs/${digestOfBytes(Buffer.from('alpine layer 1')).replace(':', '/')}`, 'not what was said'],
  ])('is found out: %s', async (path, message) => {
    await inTemporaryFolder(async (folder) => {
      await writeFiles(folder, alpine())
      const target = memoryTarget()
      let done: Promise<void> | undefined
      target.beforeFile = () => {
        done ??= writeFile(join(folder, path), Buffer.alloc(alpine().get(path)!.length))
      }
      const slow: MemoryTarget = {
        ...target,
        addFile: async (file, options) => {
          target.beforeFile()
          await done
          return target.addFile(file, options)
        },
      }
      await expect(publishFolder(folder, {}, slow)).rejects.toThrow(message)
      await rm(join(folder, path))
    })
  })
})
