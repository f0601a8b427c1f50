import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, until } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Passed } from './harness/counting-proxy.ts'
import { Docker } from './harness/docker.ts'
import { download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, digestOfFile, makeImage, objectsOf } from './harness/images.ts'
import type { Descriptor } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { startNginx } from './harness/nginx.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

/** Bytes of the layers of each image. */
const IMAGES = {
  cold: [6_000_000, 4_000_000, 4_000_000, 4_000_000, 3_000_000, 3_000_000],
  killed: [6_000_000, 2_000_000],
  relayed: [3_000_000, 2_000_000, 1_000_000],
}
const FLEETS = [2, 10]
const SKOPEOS = 18
const DOCKERS = 2
/** Layers that all ask for before any has one: skopeo for one after another, docker for three at once. */
const FIRST_REQUESTS = SKOPEOS + 3 * DOCKERS

const PROGRAMS = ['nginx', 'ipfs', 'umoci', 'skopeo', 'dockerd', 'docker', 'containerd', 'runc']

/** A gateway of the fleet, and what it reads from the origin. */
interface Member {
  readonly gateway: Gateway
  readonly origin: CountingProxy
}

describeWith(PROGRAMS, 'a fleet behind nginx, and twenty clients', () => {
  const teardown = new Teardown()
  let layout: string
  let root: string
  let members: readonly Member[]
  let dockers: readonly Docker[]
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    for (const count of FLEETS) {
      for (const [kind, layers] of Object.entries(IMAGES)) {
        const tag = `${kind}-${count}`
        await makeImage(layout, tag, { layers, seed: `fleet/${tag}` })
      }
    }
    const kubo = await KuboNode.start(teardown)
    root = await kubo.add(layout)
    const start = async (): Promise<Member> => {
      const origin = await CountingProxy.start(teardown, kubo.gateway)
      const options = { sources: [`gateway=${origin.url}`], flags: ['--relay'] }
      return { origin, gateway: await Gateway.start(teardown, options) }
    }
    // Two at a time: ten at once would have to share the machine while each is waited for.
    const started: Member[] = []
    while (started.length < Math.max(...FLEETS)) started.push(...(await Promise.all([start(), start()])))
    members = started
    dockers = await Promise.all(Array.from({ length: DOCKERS }, () => Docker.start(teardown)))
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  describe.each(FLEETS)('%i gateways', (count) => {
    const own = new Teardown()
    let fleet: readonly Member[]
    let host: string
    let repository: string
    beforeAll(async () => {
      fleet = members.slice(0, count)
      host = await startNginx(
        own,
        fleet.map(({ gateway }) => gateway.host),
      )
      repository = `${host}/ipfs/${root}/app`
    }, 30_000)
    afterEach(() => {
      for (const { origin } of fleet) {
        origin.fault = () => undefined
        origin.reset()
      }
    })
    afterAll(() => own.run(), 60_000)

    test('a cold image that all want at once costs the origin each byte once', async () => {
      const tag = `cold-${count}`
      const objects = await objectsAt(tag)
      const [, , ...layers] = objects
      // The origin gives no layer before all twenty wait for one.
      const waiting = inFlight(fleet, FIRST_REQUESTS)
      for (const { origin } of fleet) {
        origin.fault = (passed) => (isFor(passed, layers) ? { kind: 'hold', until: waiting } : undefined)
      }
      await Promise.all([waiting, pullByAll(tag)])

      const asked = fleet.flatMap(({ origin }) => origin.requests)
      const times = layers.map((layer) => asked.filter((passed) => isFor(passed, [layer])).length)
      expect(times).toEqual(layers.map(() => 1))
      const bytes = asked.reduce((sum, passed) => sum + passed.bytes, 0)
      const size = objects.reduce((sum, object) => sum + object.size, 0)
      expect(bytes / size).toBeGreaterThanOrEqual(1)
      expect(bytes / size).toBeLessThanOrEqual(1.05)
    }, 60_000)

    test('all have the image though a gateway is killed in the middle of a layer for all of them', async () => {
      const tag = `killed-${count}`
      const [, , layer] = await objectsAt(tag)
      if (layer === undefined) throw new Error('no layer')
      // The first to ask the origin for it gets half.
      const victims: Member[] = []
      for (const member of fleet) {
        member.origin.fault = (passed) => {
          if (victims.length > 0 || !isFor(passed, [layer])) return undefined
          victims.push(member)
          return { kind: 'stall', offset: layer.size / 2 }
        }
      }
      let begun: () => void = () => undefined
      const beginning = new Promise<void>((resolve) => (begun = resolve))
      const url = `http://${host}/v2/ipfs/${root}/app/blobs/${layer.digest}`
      const watched = download(url, { onBytes: () => begun() })
      await beginning
      const [victim] = victims
      if (victim === undefined) throw new Error('nothing was asked of the origin')
      const pulls = pullByAll(tag)
      pulls.catch(() => undefined)
      await inFlight([victim], 1 + SKOPEOS + DOCKERS)
      await victim.gateway.kill()
      try {
        expect(await watched).toMatchObject({ status: 200, complete: false })
        await pulls
      } finally {
        await victim.gateway.up()
      }
    }, 60_000)

    test('another gateway reads an image from it, each block proved', async () => {
      const far = await Gateway.start(own, { sources: [`gateway=http://${host}`] })
      const to = join(await tempFolder(own, 'pulled'), 'app')
      await copy(`${far.host}/ipfs/${root}/app:relayed-${count}`, to)
      await expectWhole(to, `relayed-${count}`)
    }, 60_000)

    /** Pull an image by every client at once, and look at what each has got. */
    async function pullByAll(tag: string): Promise<void> {
      const reference = `${repository}:${tag}`
      const folder = await tempFolder(own, 'pulled')
      const folders = Array.from({ length: SKOPEOS }, (_, i) => join(folder, String(i)))
      await Promise.all([
        ...folders.map((to) => copy(reference, to)),
        ...dockers.map((docker) => docker.docker(['pull', '--quiet', reference])),
      ])
      for (const to of folders) await expectWhole(to, tag)
    }
  })

  /** That a copy has left nothing out; skopeo has compared the digests. */
  async function expectWhole(folder: string, tag: string): Promise<void> {
    const [manifest, ...blobs] = await objectsAt(tag)
    expect(await digestOfFile(join(folder, 'manifest.json'))).toBe(manifest?.digest)
    for (const { digest, size } of blobs) {
      expect((await stat(join(folder, digest.slice('sha256:'.length)))).size).toBe(size)
    }
  }

  /** The manifest, the config and the layers. */
  async function objectsAt(tag: string): Promise<Descriptor[]> {
    const { digest, size } = await descriptorOf(layout, tag)
    return objectsOf(layout, digest, size)
  }
})

/**
 * `skopeo copy`. Whatever `--retry-times` says, older ones (1.9 is Debian 12's) don't try again when an answer breaks
 * off, as docker and newer ones do from the same byte: then it is started again, once.
 */
async function copy(reference: string, folder: string): Promise<void> {
  const args = ['copy', '--quiet', '--src-tls-verify=false', '--retry-times', '3']
  for (let starts = 1; ; starts += 1) {
    const { code, stderr } = await attempt('skopeo', [...args, `docker://${reference}`, `dir:${folder}`])
    if (code === 0) return
    if (starts === 2 || !stderr.includes('unexpected EOF')) throw new Error(`skopeo: exit ${code}\n${stderr}`)
  }
}

/** Whether a request to the origin is for one of these, by its path in the layout. */
function isFor({ url }: Passed, objects: readonly Descriptor[]): boolean {
  return objects.some(({ digest }) => url.includes(`/blobs/${digest.replace(':', '/')}?`))
}

/** Resolves when these gateways have so many requests under way. */
async function inFlight(fleet: readonly Member[], count: number): Promise<void> {
  await until(`${count} requests under way`, async () => {
    const each = await Promise.all(fleet.map(({ gateway }) => gateway.inFlight()))
    return each.reduce((sum, value) => sum + value, 0) >= count
  })
}
