import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { attempt, output, run } from './harness/child.ts'
import { Docker } from './harness/docker.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { blobFile, descriptorOf, makeImage, makeIndex, manifestOf } from './harness/images.ts'
import type { Manifest } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { Podman } from './harness/podman.ts'
import { ARCHIVE_PRODUCERS, LAYOUT_PRODUCERS } from './harness/producers.ts'
import type { Workshop } from './harness/producers.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const PROGRAMS = [
  ...['ipfs', 'umoci', 'skopeo', 'podman', 'buildah', 'oras', 'regctl', 'crane'],
  ...['dockerd', 'docker', 'containerd', 'runc'],
]

describeWith(PROGRAMS, 'export', () => {
  const teardown = new Teardown()
  let folder: string
  let layout: string
  let gateway: Gateway
  let docker: Docker
  let podman: Podman
  let workshop: Workshop
  /** `/ipfs/<cid>/app` */
  let path: string

  beforeAll(async () => {
    folder = await tempFolder(teardown)
    layout = join(folder, 'app')
    await makeImage(layout, 'v1', { layers: [300_000, 1_400_000], seed: 'export' })
    await makeImage(layout, 'arm', { layers: [200_000], seed: 'export/arm', architecture: 'arm64' })
    await makeIndex(layout, 'multi', { amd64: 'v1', arm64: 'arm' })
    gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    docker = await Docker.start(teardown)
    podman = await Podman.start(teardown)
    path = `/${repositoryOf(await gateway.publish(layout, '--name', 'app'))}`
    const reference = `${gateway.host}${path}:v1`
    workshop = { layout, tag: 'v1', docker, podman, reference }
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  const store = (): string[] => ['--store', gateway.store, '--source', 'embedded']
  let count = 0

  /** Export through the gateway to a file or folder of its own. */
  async function exported(what: string, format: string, ...flags: string[]): Promise<string> {
    const to = join(folder, `exported-${count++}`)
    await gateway.command(['export', what, '--format', format, '-o', to, ...flags, ...store()])
    return to
  }

  /** The image ID that a tag of a layout has wherever it is loaded. */
  async function idOf(of: string, tag: string): Promise<string> {
    const { config } = await manifestOf(of, (await descriptorOf(of, tag)).digest)
    return config?.digest ?? ''
  }

  async function dockerId(image: string): Promise<string> {
    return (await docker.docker(['image', 'inspect', '--format', '{{.Id}}', image])).trim()
  }

  async function podmanId(image: string): Promise<string> {
    return `sha256:${(await podman.podman(['image', 'inspect', '--format', '{{.Id}}', image])).trim()}`
  }

  /** Copy by skopeo as it is, which checks every digest; the digest of the config. */
  async function copiedConfig(image: string): Promise<string> {
    const copy = join(folder, `copy-${count++}`)
    await run('skopeo', ['copy', '--quiet', image, `dir:${copy}`])
    const { config } = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8')) as Manifest
    return config?.digest ?? ''
  }

  describe('a docker-archive', () => {
    test('is loaded by docker, podman and skopeo under its name, with the image ID that it has', async () => {
      const archive = await exported(`${path}:v1`, 'docker-archive', '--name', 'team/app')
      const id = await idOf(layout, 'v1')
      expect(await docker.docker(['load', '--input', archive])).toContain('Loaded image: team/app:v1')
      expect(await dockerId('team/app:v1')).toBe(id)
      expect(await podman.podman(['load', '--quiet', '--input', archive])).toContain('team/app:v1')
      expect(await podmanId('team/app:v1')).toBe(id)
      expect(await copiedConfig(`docker-archive:${archive}`)).toBe(id)
      expect(await copiedConfig(`docker-archive:${archive}:team/app:v1`)).toBe(id)
      const inspected = await run('skopeo', ['inspect', '--config', `docker-archive:${archive}`])
      expect(JSON.parse(inspected)).toMatchObject({ os: 'linux', architecture: 'amd64' })
    }, 90_000)

    test('comes through a pipe', async () => {
      await docker.docker(['rmi', '--force', 'app:v1'])
      const { stdout, code } = gateway.output([
        ...['export', `${path}:v1`, '--format', 'docker-archive', ...store()],
      ])
      expect(await docker.docker(['load'], { input: stdout })).toContain('Loaded image: app:v1')
      expect(await dockerId('app:v1')).toBe(await idOf(layout, 'v1'))
      expect(await code).toBe(0)
    }, 60_000)

    test('that nobody reads to its end is a failure', async () => {
      const { stdout, code } = gateway.output([
        ...['export', `${path}:v1`, '--format', 'docker-archive', ...store()],
      ])
      await once(stdout, 'readable')
      stdout.destroy()
      expect(await code).toBe(1)
    }, 60_000)

    test('has the platform that is asked for, of many', async () => {
      const archive = await exported(`${path}:multi`, 'docker-archive', '--platform', 'linux/arm64')
      await docker.docker(['load', '--input', archive])
      expect(await dockerId('app:multi')).toBe(await idOf(layout, 'arm'))
    }, 60_000)

    test('of all tags has each', async () => {
      const archive = await exported(path, 'docker-archive', '--platform', 'linux/amd64')
      const loaded = await docker.docker(['load', '--input', archive])
      expect(loaded.match(/(?<=Loaded image: )\S+/g)?.sort()).toEqual(['app:multi', 'app:v1'])
    }, 60_000)

    test('that docker saved and this published is the same image when it is loaded again', async () => {
      const name = 'round/trip:1.0'
      await docker.docker(['load', '--input', await exported(`${path}:v1`, 'docker-archive')])
      await docker.docker(['tag', 'app:v1', name])
      const id = await dockerId(name)
      const saved = join(folder, 'saved.tar')
      await docker.docker(['save', '--output', saved, name])
      await docker.docker(['rmi', '--force', id])
      const published = await gateway.publish(saved, '--name', 'round/trip')
      const { stdout } = gateway.output([
        ...['export', `/${repositoryOf(published)}:1.0`, '--format', 'docker-archive'],
        ...['--name', 'round/trip', ...store()],
      ])
      await docker.docker(['load'], { input: stdout })
      expect(await dockerId(name)).toBe(id)
    }, 90_000)
  })

  describe('a layout', () => {
    test('comes as a folder with everything that was published', async () => {
      const got = await exported(path, 'oci')
      expect(await readFile(join(got, 'index.json'))).toEqual(await readFile(join(layout, 'index.json')))
      const blobs = (of: string): Promise<string[]> => readdir(join(of, 'blobs/sha256'))
      expect((await blobs(got)).sort()).toEqual((await blobs(layout)).sort())
      for (const tag of ['v1', 'arm'])
        expect(await copiedConfig(`oci:${got}:${tag}`)).toBe(await idOf(layout, tag))
      const { digest } = await descriptorOf(layout, 'multi')
      expect(await copiedIndex(`oci:${got}:multi`)).toBe(digest)
    }, 60_000)

    test('comes as an archive, of which skopeo takes each tag', async () => {
      const got = await exported(path, 'oci-archive')
      expect(await copiedConfig(`oci-archive:${got}:v1`)).toBe(await idOf(layout, 'v1'))
      expect(await copiedIndex(`oci-archive:${got}:multi`)).toBe((await descriptorOf(layout, 'multi')).digest)
    }, 60_000)

    test('of one image is an archive that podman and skopeo take without a name', async () => {
      const got = await exported(`${path}:v1`, 'oci-archive')
      const id = await idOf(layout, 'v1')
      expect(await copiedConfig(`oci-archive:${got}`)).toBe(id)
      const loaded = await podman.podman(['load', '--quiet', '--input', got])
      expect(await podmanId(loaded.trim().split(' ').at(-1) ?? '')).toBe(id)
      const inspected = await run('skopeo', ['inspect', '--config', `oci-archive:${got}`])
      expect(JSON.parse(inspected)).toMatchObject({ architecture: 'amd64' })
    }, 60_000)

    test('is the same from the store and through the gateway that holds it', async () => {
      const through = await exported(path, 'oci-archive')
      await gateway.down()
      const direct = await exported(path, 'oci-archive').finally(() => gateway.up())
      expect((await readFile(direct)).equals(await readFile(through))).toBe(true)
    }, 60_000)

    /** Copy an index with all its images by skopeo; the digest that it has then. */
    async function copiedIndex(image: string): Promise<string> {
      const copy = join(folder, `copy-${count++}`)
      await run('skopeo', ['copy', '--quiet', '--all', '--preserve-digests', image, `oci:${copy}:got`])
      return (await descriptorOf(copy, 'got')).digest
    }
  })

  describe.each(
    [...LAYOUT_PRODUCERS, ...ARCHIVE_PRODUCERS].map((producer) => [producer.name, producer] as const),
  )('published as %s made it', (_, producer) => {
    test('an image is what it was, in every form', async () => {
      const made = join(folder, `made-${count++}`)
      const { tag, config } = await producer.make(workshop, made)
      // What oras leaves behind is no part of the layout.
      if (producer.name === 'oras') await rm(join(made, 'ingest'), { recursive: true, force: true })
      const image = `/${repositoryOf(await gateway.publish(made, '--name', 'made'))}:${tag}`
      expect(await copiedConfig(`oci:${await exported(image, 'oci')}:${tag}`)).toBe(config)
      expect(await copiedConfig(`oci-archive:${await exported(image, 'oci-archive')}`)).toBe(config)
      const archive = await exported(image, 'docker-archive')
      expect(await copiedConfig(`docker-archive:${archive}`)).toBe(config)
      await docker.docker(['load', '--input', archive])
      expect(await dockerId(`made:${tag}`)).toBe(config)
    }, 120_000)
  })

  test('a CAR is the one that Kubo makes, and Kubo has all of it then', async () => {
    const kubo = await KuboNode.start(teardown)
    const car = await exported(path, 'car')
    const root = (await kubo.ipfs(['dag', 'import', '--stats=false', car])).split(/\s+/)[2] ?? ''
    const index = await kubo.ipfs(['cat', `/ipfs/${root}/index.json`])
    expect(index).toBe(await readFile(join(layout, 'index.json'), 'utf8'))
    expect((await readFile(car)).equals(await dagExported(kubo, root))).toBe(true)
  }, 60_000)

  /** The CAR that Kubo makes. */
  async function dagExported({ repo }: KuboNode, root: string): Promise<Buffer> {
    const env = { IPFS_PATH: repo }
    return buffer(output('ipfs', ['dag', 'export', '--progress=false', root], { env }).stdout)
  }

  test('what only a Kubo has is exported from there, by its name', async () => {
    const kubo = await KuboNode.start(teardown)
    const root = await kubo.add(layout)
    const name = await kubo.publishName(root)
    const reader = await Gateway.start(teardown, { sources: [`kubo=${kubo.api}`] })
    const command = async (what: string, ...flags: string[]): Promise<string> => {
      const to = join(folder, `exported-${count++}`)
      await reader.command(['export', what, '-o', to, '--store', reader.store, ...flags])
      return to
    }
    const archive = await command(`/ipns/${name}:v1`, '--format', 'docker-archive', '--name', 'app')
    expect(await copiedConfig(`docker-archive:${archive}`)).toBe(await idOf(layout, 'v1'))
    const car = await readFile(await command(`/ipns/${name}`))
    expect(car.equals(await dagExported(kubo, root))).toBe(true)
  }, 60_000)

  test('a layer that is damaged in the store leaves no file', async () => {
    const other = await Gateway.start(teardown, { sources: ['embedded'] })
    const published = await other.publish(layout, '--name', 'app')
    const { digest } = await descriptorOf(layout, 'v1')
    const layer = (await manifestOf(layout, digest)).layers?.[1]?.digest ?? ''
    const hex = layer.slice('sha256:'.length)
    const file = join(other.store, 'blobs/sha256', hex.slice(0, 2), hex)
    await copyFile(blobFile(layout, layer), file)
    await run('dd', ['if=/dev/zero', `of=${file}`, 'bs=1', 'count=64', 'seek=1000000', 'conv=notrunc'])
    const empty = await tempFolder(teardown, 'empty')
    for (const format of ['car', 'oci', 'oci-archive', 'docker-archive']) {
      const flags = ['--format', format, '-o', join(empty, 'out'), '--store', other.store]
      const result = await other.attempt(['export', `/${repositoryOf(published)}`, ...flags])
      expect(result).toMatchObject({ code: 1, stdout: '' })
      expect(await readdir(empty)).toEqual([])
    }
    const cut = join(empty, 'cut.tar')
    const main = ['export', `/${repositoryOf(published)}:v1`, '--format', 'docker-archive']
    const { stdout, code } = other.output([...main, '--store', other.store])
    await writeFile(cut, stdout)
    expect(await code).toBe(1)
    expect((await attempt('tar', ['tf', cut])).code).not.toBe(0)
    expect((await docker.attempt(['load', '--input', cut])).code).not.toBe(0)
  }, 90_000)
})
