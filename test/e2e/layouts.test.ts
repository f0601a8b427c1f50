import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createGzip } from 'node:zlib'
import { run } from './harness/child.ts'
import { Docker } from './harness/docker.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import type { Published } from './harness/gateway-process.ts'
import { descriptorOf, digestOfFile, makeImage, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { Podman } from './harness/podman.ts'
import { ARCHIVE_PRODUCERS, LAYOUT_PRODUCERS, makeSharedBlobs } from './harness/producers.ts'
import type { Produced, Producer, Workshop } from './harness/producers.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const PROGRAMS = [
  ...['ipfs', 'umoci', 'skopeo', 'podman', 'buildah', 'oras', 'regctl', 'crane'],
  ...['dockerd', 'docker', 'containerd', 'runc'],
]

describeWith(PROGRAMS, 'images of every producer', () => {
  const teardown = new Teardown()
  let folder: string
  let workshop: Workshop
  let kubo: KuboNode
  /** Serves what is published. */
  let store: Gateway
  /** Serves what `ipfs add` added. */
  let node: Gateway

  beforeAll(async () => {
    folder = await tempFolder(teardown)
    const layout = join(folder, 'base')
    await makeImage(layout, 'v1', { layers: [300_000, 1_400_000], seed: 'layouts' })
    kubo = await KuboNode.start(teardown)
    store = await Gateway.start(teardown, { sources: ['embedded'] })
    node = await Gateway.start(teardown, { sources: [`kubo=${kubo.api}`] })
    const docker = await Docker.start(teardown)
    const podman = await Podman.start(teardown)
    const reference = `${store.host}/${repositoryOf(await store.publish(layout))}:v1`
    workshop = { layout, tag: 'v1', docker, podman, reference }
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  let count = 0
  async function produce(producer: Producer): Promise<Produced & { path: string }> {
    const path = join(folder, `made-${count++}`)
    return { ...(await producer.make(workshop, path)), path }
  }

  /** Pull by skopeo, which checks every digest; the digest of the config. */
  async function pullConfig(reference: string): Promise<string> {
    const pulled = await tempFolder(teardown, 'pulled')
    await run('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      `docker://${reference}`,
      `oci:${pulled}:got`,
    ])
    const { config } = await manifestOf(pulled, (await descriptorOf(pulled, 'got')).digest)
    return config?.digest ?? ''
  }

  /** The one layout of what was published, as `host/name:tag`. */
  function nameOf(published: Published, tag: string): string {
    expect(published.layouts[0]?.tags).toContain(tag)
    return `${store.host}/${repositoryOf(published)}:${tag}`
  }

  describe.each(LAYOUT_PRODUCERS.map((producer) => [producer.name, producer] as const))(
    '%s',
    (_, producer) => {
      test('a layout is published under the CID that ipfs add gives it, and pulled from both', async () => {
        const { path, tag, config } = await produce(producer)
        // What oras leaves behind is no part of the layout.
        await rm(join(path, 'ingest'), { recursive: true, force: true })
        const published = await store.publish(path)
        const added = await kubo.add(path)
        expect(await pullConfig(nameOf(published, tag))).toBe(config)
        expect(await pullConfig(`${node.host}/ipfs/${added}:${tag}`)).toBe(config)
        // `publish` may keep the folder's name as a path below the root.
        const below = published.layouts[0]?.path ?? ''
        const wrapped = below === '' ? added : await addWrapped(path, below)
        expect(published.root).toBe(wrapped)
      }, 60_000)
    },
  )

  /** The CID of a folder that has the layout at a path. */
  async function addWrapped(layout: string, path: string): Promise<string> {
    const outer = await tempFolder(teardown, 'wrapped')
    const inner = join(outer, path)
    await mkdir(join(inner, '..'), { recursive: true })
    await run('cp', ['-r', layout, inner])
    return kubo.add(outer)
  }

  describe.each(ARCHIVE_PRODUCERS.map((producer) => [producer.name, producer] as const))(
    '%s',
    (_, producer) => {
      test('an archive is published with its config and layers as they are', async () => {
        const { path, tag, config } = await produce(producer)
        const published = await store.publish(path, '--name', 'team/app')
        expect(published.layouts[0]?.path).toBe('team/app')
        expect(await pullConfig(nameOf(published, tag))).toBe(config)
      }, 60_000)

      test('an archive comes through a pipe, gzipped, and gives the same CID', async () => {
        const { path, tag, config } = await produce(producer)
        const plain = await store.publish(path, '--name', 'app')
        const out = await store.command(['publish', '-', '--name', 'app', '--json', '--store', store.store], {
          input: createReadStream(path).pipe(createGzip()),
        })
        const piped = JSON.parse(out) as Published
        expect(await pullConfig(nameOf(piped, tag))).toBe(config)
        expect(piped.root).toBe(plain.root)
      }, 60_000)
    },
  )

  test('blobs in a folder that layouts share are found', async () => {
    const shared = join(folder, 'shared')
    const { tag, config } = await makeSharedBlobs(workshop, shared)
    const added = await kubo.add(shared)
    expect(await pullConfig(`${node.host}/ipfs/${added}/app:${tag}`)).toBe(config)
  }, 60_000)

  test('a folder of layouts has each under its path, and the CID of ipfs add', async () => {
    const images = join(folder, 'images')
    for (const path of ['one', 'team/two']) {
      const layout = join(images, path)
      await mkdir(join(layout, '..'), { recursive: true })
      await run('skopeo', ['copy', '--quiet', `oci:${workshop.layout}:v1`, `oci:${layout}:1.0`])
    }
    const published = await store.publish(images)
    expect(published.layouts.map(({ path }) => path).sort()).toEqual(['one', 'team/two'])
    expect(published.root).toBe(await kubo.add(images))
    await pullConfig(`${store.host}/ipfs/${published.root}/team/two:1.0`)
  }, 60_000)

  test('publishing to Kubo gives the same CID in a repo without the profile, and pins it', async () => {
    const plain = await KuboNode.start(teardown, { profile: false })
    const published = await store.publish(workshop.layout, '--to', 'kubo', '--source', `kubo=${plain.api}`)
    expect(published.root).toBe((await store.publish(workshop.layout)).root)
    expect(await plain.ipfs(['pin', 'ls', '--type', 'recursive', '--quiet'])).toContain(published.root)
    await plain.ipfs(['repo', 'gc', '--quiet'])
    const index = await plain.ipfs([
      'cat',
      `/ipfs/${published.root}/${published.layouts[0]?.path}/index.json`,
    ])
    expect(index).toBe(await readFile(join(workshop.layout, 'index.json'), 'utf8'))
  }, 90_000)

  test('a layout with a wrong byte is refused, and the file named', async () => {
    const broken = join(folder, 'broken')
    await run('cp', ['-r', workshop.layout, broken])
    const image = await manifestOf(broken, (await descriptorOf(broken, 'v1')).digest)
    const hex = (image.layers?.[1]?.digest ?? '').slice('sha256:'.length)
    const file = join(broken, 'blobs/sha256', hex)
    await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=1', 'count=64', 'seek=1000', 'conv=notrunc'])
    expect(await digestOfFile(file)).not.toBe(`sha256:${hex}`)
    const result = await store.attempt(['publish', broken, '--store', store.store])
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(hex)
  }, 60_000)
})
