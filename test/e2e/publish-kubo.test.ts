import { createReadStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { create } from 'kubo-rpc-client'
import { Agent } from 'undici'
import { createKuboTarget } from '../../src/publish/kubo/kubo-target.ts'
import { createPublisher } from '../../src/publish/publish-layouts.ts'
import type { PublishInput, PublishRequest, PublishResult } from '../../src/publish/publisher.ts'
import { sampleFiles } from '../../src/publish/sample/sample-image.ts'
import type { PublishTarget } from '../../src/publish/target.ts'
import { writeFiles } from '../fixtures/folders.ts'
import { digestOfBytes, LayoutBuilder, sideBySide } from '../fixtures/layouts.ts'
import type { LayoutFiles } from '../fixtures/layouts.ts'
import { run } from './harness/child.ts'
import { Docker } from './harness/docker.ts'
import { noise } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { Podman } from './harness/podman.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const GREETING = /^Hello from IPFS!/
const never = new AbortController().signal

function layoutWith(...layers: Uint8Array[]): LayoutFiles {
  const layout = new LayoutBuilder()
  return layout.list(layout.image({ layers }), { ref: '1' }).files()
}

describeWith(['ipfs', 'skopeo'], 'publishing into Kubo', () => {
  const teardown = new Teardown()
  const dispatcher = new Agent()
  teardown.defer(() => dispatcher.close())
  /** A node with Kubo's own defaults, which are not the profile's. */
  let node: KuboNode
  /** Says what `ipfs add -r` makes in a repository with the profile. */
  let reference: KuboNode
  let folder: string

  beforeAll(async () => {
    folder = await tempFolder(teardown)
    // online, so that it would look for what is missing in a network
    node = await KuboNode.start(teardown, { profile: false, online: true })
    reference = await KuboNode.start(teardown)
  }, 90_000)
  afterAll(() => teardown.run(), 60_000)

  function targetOf(kubo: KuboNode): PublishTarget {
    return createKuboTarget({ baseUrl: kubo.api, dispatcher })
  }

  function publish(input: PublishInput, request: Partial<PublishRequest> = {}, target = targetOf(node)) {
    const publisher = createPublisher({ target, workDir: join(folder, 'work') })
    return publisher.publish({ input, signal: never, ...request })
  }

  /** Roots that are pinned, in a set order. */
  async function pins(): Promise<string[]> {
    return (await node.ipfs(['pin', 'ls', '--type=recursive', '--quiet'])).trim().split('\n').sort()
  }

  async function written(name: string, files: LayoutFiles): Promise<string> {
    const path = join(folder, name)
    await mkdir(path)
    await writeFiles(path, files)
    return path
  }

  function manyBlobs(count: number): LayoutFiles {
    const layout = new LayoutBuilder()
    for (let at = 0; at < count; at++) layout.blob(`blob ${at}`, 'text/plain')
    return layout.list(layout.image(), { ref: '1' }).files()
  }

  test.each<[string, () => LayoutFiles | Promise<LayoutFiles>]>([
    ['the sample', sampleFiles],
    ['an empty layer', () => layoutWith(new Uint8Array(0))],
    ['a layer of 200 MiB, more than 174 blocks', () => layoutWith(noise('large', 200 * 1024 * 1024))],
    // Kubo's own estimate and the profile's differ between about 2 440 and 2 620 entries
    ['2 500 blobs', () => manyBlobs(2_500)],
    ['3 200 blobs', () => manyBlobs(3_200)],
    [
      'layouts in folders',
      () => sideBySide({ 'a/b': layoutWith(noise('a', 10)), c: layoutWith(noise('b', 3_000_000)) }),
    ],
    [
      'other files, hidden ones, and one without content',
      () =>
        new Map([
          ...sideBySide({ app: layoutWith(noise('c', 10)) }),
          ['README', Buffer.from('read me')],
          ['empty', Buffer.alloc(0)],
          ['.hidden/file', Buffer.from('hidden')],
        ]),
    ],
  ])(
    'gives the CID of `ipfs add -r`, and pins it: %s',
    async (what, files) => {
      const path = await written(what.replace(/\W+/g, '-').toLowerCase(), await files())
      const { root } = await publish({ kind: 'path', path })
      expect(root).toBe(await reference.add(path, '--only-hash'))
      expect(await pins()).toContain(root)
      await node.ipfs(['repo', 'gc', '--quiet'])
      await node.ipfs(['refs', '--recursive', '--unique', '--offline', root])
    },
    120_000,
  )

  test('is seen by another client of the RPC: the pin, the tree, the bytes', async () => {
    const layer = noise('witness', 3_000_000)
    const files = layoutWith(layer)
    const path = await written('witness', files)
    const { root } = await publish({ kind: 'path', path })
    const witness = create({ url: node.api })
    const names = []
    for await (const entry of witness.ls(`/ipfs/${root}`)) names.push(entry.name)
    expect(names.sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
    const pieces = []
    const blob = `blobs/${digestOfBytes(layer).replace(':', '/')}`
    for await (const piece of witness.cat(`/ipfs/${root}/${blob}`)) pieces.push(piece)
    expect(Buffer.concat(pieces).equals(layer)).toBe(true)
    const pinned = []
    for await (const pin of witness.pin.ls({ paths: root, type: 'recursive' }))
      pinned.push(pin.cid.toString())
    expect(pinned).toEqual([root])
  })

  test('stores everything again when garbage collection runs before the pin', async () => {
    const path = await written('collected', layoutWith(noise('collected', 2_500_000)))
    const target = targetOf(node)
    let collected = 0
    const late: PublishTarget = {
      ...target,
      pin: async (root, options) => {
        if (collected === 0) await node.ipfs(['repo', 'gc', '--quiet'])
        collected += 1
        await target.pin(root, options)
      },
    }
    const { root } = await publish({ kind: 'path', path }, {}, late)
    expect(collected).toBe(2)
    await node.ipfs(['refs', '--recursive', '--offline', root])
  }, 60_000)

  test('leaves nothing pinned when it is interrupted', async () => {
    const path = await written('interrupted', layoutWith(noise('interrupted', 20_000_000)))
    const pinsBefore = await pins()
    const aborted = new AbortController()
    const publishing = publish(
      { kind: 'path', path },
      {
        signal: aborted.signal,
        onProgress: ({ step, doneBytes }) => {
          if (step === 'storing' && doneBytes > 5_000_000) aborted.abort(new Error('interrupted'))
        },
      },
    )
    await expect(publishing).rejects.toThrow('interrupted')
    expect(await pins()).toEqual(pinsBefore)
  }, 60_000)

  /** Fetch what was published, and have skopeo read it as a layout. */
  async function fetched({ root, layouts }: PublishResult): Promise<string> {
    const out = join(await tempFolder(teardown, 'got'), 'root')
    await node.ipfs(['get', '-o', out, `/ipfs/${root}`])
    for (const { path } of layouts) {
      const to = await tempFolder(teardown, 'dir')
      await run('skopeo', ['copy', '--all', `oci:${join(out, path)}`, `dir:${to}`])
    }
    return out
  }

  describeWith(['podman', 'docker', 'dockerd'], 'archives of the real programs', () => {
    let sample: string
    beforeAll(async () => {
      sample = await written('sample', await sampleFiles())
    })

    test('docker save, to a file, compressed, and through a pipe', async () => {
      const docker = await Docker.start(teardown)
      await run('skopeo', ['copy', `oci:${sample}/hello:1.0`, `docker-archive:${folder}/in.tar:hello:1.0`])
      await docker.docker(['load', '--input', join(folder, 'in.tar')])
      await docker.docker(['tag', 'hello:1.0', 'localhost:5000/team/greeting:2'])
      const path = join(folder, 'docker.tar')
      await docker.docker(['save', '--output', path, 'hello:1.0'])
      await run('gzip', ['--keep', path])

      const saved = await publish({ kind: 'path', path })
      expect(saved.layouts).toEqual([{ path: 'hello', tags: ['1.0', 'latest'] }])
      const compressed = await publish({ kind: 'path', path: `${path}.gz` })
      const piped = await publish({ kind: 'stream', stream: createReadStream(path) })
      expect([compressed.root, piped.root]).toEqual([saved.root, saved.root])
      const out = await fetched(saved)

      const both = join(folder, 'both.tar')
      await docker.docker(['save', '--output', both, 'hello:1.0', 'localhost:5000/team/greeting:2'])
      const several = await publish({ kind: 'path', path: both })
      expect(several.layouts).toEqual([
        { path: 'greeting', tags: ['2', 'latest'] },
        { path: 'hello', tags: ['1.0', 'latest'] },
      ])
      await fetched(several)

      // config and layer are the sample's own, byte for byte
      const index = JSON.parse(await readFile(join(out, 'hello/index.json'), 'utf8'))
      const blob = (digest: string) => join(out, 'hello/blobs', digest.replace(':', '/'))
      const manifest = JSON.parse(await readFile(blob(index.manifests[0].digest), 'utf8'))
      const files = await sampleFiles()
      for (const { digest } of [manifest.config, ...manifest.layers] as { digest: string }[]) {
        const original = files.get(`hello/blobs/${digest.replace(':', '/')}`)
        expect(original?.length).toBeGreaterThan(0)
        expect((await readFile(blob(digest))).equals(original!)).toBe(true)
      }
    }, 120_000)

    test('podman save, in each form, and run again from what was published', async () => {
      const podman = await Podman.start(teardown)
      await podman.podman(['pull', '--quiet', `oci:${sample}/hello:1.0`])
      const image = (await podman.podman(['images', '--quiet', '--no-trunc'])).trim()
      await podman.podman(['tag', image, 'example.org/team/hello:1.0'])
      for (const form of ['docker-archive', 'oci-archive', 'oci-dir']) {
        const path = join(folder, `podman-${form}`)
        await podman.podman([
          'save',
          '--quiet',
          '--format',
          form,
          '--output',
          path,
          'example.org/team/hello:1.0',
        ])
        const result = await publish({ kind: 'path', path }, { name: 'hello' })
        expect(result.layouts).toEqual([{ path: 'hello', tags: ['1.0', 'latest'] }])
        const out = await fetched(result)
        const again = await Podman.start(teardown)
        await again.podman(['pull', '--quiet', `oci:${out}/hello`])
        const pulled = (await again.podman(['images', '--quiet', '--no-trunc'])).trim()
        expect(await again.runImage(pulled)).toMatch(GREETING)
      }
    }, 120_000)

    test('skopeo copy to each kind of archive and layout', async () => {
      const from = `oci:${sample}/hello:1.0`
      for (const [kind, path, suffix] of [
        ['docker-archive', join(folder, 'skopeo-docker.tar'), ':example.org/hello:1.0'],
        ['oci-archive', join(folder, 'skopeo-oci.tar'), ':hello:1.0'],
        ['oci', join(folder, 'skopeo-oci'), ':1.0'],
      ] as const) {
        await run('skopeo', ['copy', '--override-os', 'linux', from, `${kind}:${path}${suffix}`])
        const result = await publish({ kind: 'path', path }, { name: 'hello' })
        expect(result.layouts).toEqual([{ path: 'hello', tags: ['1.0', 'latest'] }])
        await fetched(result)
      }
    }, 60_000)

    test('skopeo with shared blobs', async () => {
      const images = join(folder, 'shared')
      await mkdir(images)
      const shared = ['--dest-shared-blob-dir', join(images, 'blobs')]
      for (const name of ['one', 'two']) {
        await run('skopeo', [
          'copy',
          '--all',
          ...shared,
          `oci:${sample}/hello:1.0`,
          `oci:${images}/${name}:1.0`,
        ])
      }
      const { root, layouts } = await publish({ kind: 'path', path: images })
      expect(layouts.map(({ path }) => path)).toEqual(['one', 'two'])
      expect(root).toBe(await reference.add(images, '--only-hash'))
    }, 60_000)
  })

  test('refuses a damaged layout before anything is stored', async () => {
    const path = await written('damaged', layoutWith(noise('damaged', 10)))
    const [layer] = [...layoutWith(noise('damaged', 10))].filter(([, bytes]) => bytes.length === 10)
    await writeFile(join(path, layer![0]), noise('other', 10))
    const before = await node.ipfs(['refs', 'local'])
    await expect(publish({ kind: 'path', path })).rejects.toThrow(/is damaged/)
    expect(await node.ipfs(['refs', 'local'])).toBe(before)
  })
})
