import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Flags } from '../../src/config/load.ts'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import { until } from '../fixtures/blob-store.ts'
import { importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { ed25519Key } from '../fixtures/ipns-keys.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { reply } from '../fixtures/stub-upstream.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'
import { startUpstreamRegistry, type UpstreamRegistry } from '../fixtures/upstream-registry.ts'

const LARGE = 700 * 1024

let folder: Awaited<ReturnType<typeof storeFolder>>
let upstream: UpstreamRegistry
let ipfs: TrustlessGateway
let gateway: ServedGateway | undefined
let tree: ContentTree
/** In both places; `there` and `here` in one of them only. */
let image: Descriptor
let layer: Descriptor
let there: Descriptor
let here: Descriptor

beforeEach(async () => {
  folder = await storeFolder()
  upstream = await startUpstreamRegistry()
  const bytes = patternBytes(LARGE, 1)
  const layout = new LayoutBuilder()
  image = layout.image({ layers: [bytes] })
  layer = layout.blob(bytes, 'application/layer')
  here = layout.image({ content: 'here' })
  layout.list(image, { ref: '3.19' }).list(here, { ref: 'here' })
  tree = await importTree(
    Object.fromEntries([...layout.files()].map(([path, content]) => [`alpine/${path}`, content])),
  )
  ipfs = await startTrustlessGateway(tree)
  upstream.images.image({ layers: [bytes] })
  there = upstream.images.image({ content: 'there' })
  upstream.push('library/alpine', '3.19', image)
  upstream.push('library/alpine', 'there', there)
})

afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  await upstream.close()
  await ipfs.close()
  await folder.remove()
})

const file = (): string => join(folder.path, 'etc', 'names.yaml')

async function start(rules: string, flags: Flags = {}): Promise<void> {
  await mkdir(dirname(file()), { recursive: true })
  await writeFile(file(), rules)
  await serve({ map: file(), ...flags })
}

async function serve(flags: Flags): Promise<void> {
  gateway = await startServedGateway(join(folder.path, 'store'), {
    source: [`gateway=${ipfs.url}`],
    upstream: [`docker.io=${upstream.server.url}`],
    ...flags,
  })
}

const get = (path: string): Promise<RawAnswer> => ask(gateway?.port ?? 0, path)
const manifest = (reference: string, name = 'library/alpine'): Promise<RawAnswer> =>
  get(`/v2/${name}/manifests/${reference}`)
const blob = (name = 'library/alpine'): Promise<RawAnswer> => get(`/v2/${name}/blobs/${layer.digest}`)
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const rule = (more = ''): string =>
  `names:\n  - name: docker.io/library/alpine\n    ipfs: /ipfs/${tree.root.toString()}/alpine\n${more}`

const stopUpstream = (): void => {
  upstream.fault = (_, response) => response.destroy()
}
const stopIpfs = (): void => {
  ipfs.faults = { status: 500 }
}

/** From the place that must have given it. */
async function expectPulled(from: 'ipfs' | 'upstream'): Promise<void> {
  const tag = await manifest('3.19')
  expect([tag.status, tag.headers['docker-content-digest']]).toEqual([200, image.digest])
  expect(tag.headers['x-ipfs-path'] === undefined ? 'upstream' : 'ipfs').toBe(from)
  expect(sha256((await blob()).body)).toBe(layer.digest)
}

describe('a mapped name', () => {
  test('comes from IPFS first, and its upstream is not asked', async () => {
    await start(rule())
    await expectPulled('ipfs')
    expect(upstream.server.connections).toBe(0)
  })

  test.each(['alpine', 'docker.io/library/alpine', 'registry-1.docker.io/alpine'])(
    'is mapped however it is written: %s',
    async (name) => {
      await start(rule())
      stopUpstream()
      expect((await manifest('3.19', name)).status).toBe(200)
      expect((await get(`/v2/alpine/manifests/3.19?ns=docker.io`)).status).toBe(200)
    },
  )

  test('comes from its upstream when IPFS can not be had, or does not have it', async () => {
    await start(rule())
    expect((await manifest('there')).headers['docker-content-digest']).toBe(there.digest)
    stopIpfs()
    await gateway?.stop()
    await serve({ map: file(), store: join(folder.path, 'another') })
    await expectPulled('upstream')
  })

  test('comes from its upstream first where the rule says so, and from IPFS when that fails', async () => {
    await start(rule('    order: upstream-first\n'))
    await expectPulled('upstream')
    expect((await manifest('here')).headers['docker-content-digest']).toBe(here.digest)
    stopUpstream()
    await gateway?.stop()
    await serve({ map: file(), store: join(folder.path, 'another') })
    await expectPulled('ipfs')
  })

  test('that is on IPFS only is never asked of its upstream', async () => {
    await start(rule('    order: ipfs-only\n'))
    expect((await manifest('there')).status).toBe(404)
    stopIpfs()
    for (const path of ['alpine', 'docker.io/alpine'])
      expect((await manifest('other', path)).status).not.toBe(200)
    expect((await get('/v2/library/alpine/manifests/other?ns=docker.io')).status).not.toBe(200)
    expect(upstream.server.connections).toBe(0)
  })

  test('that nobody has is not there; while one of the two can not be asked it may be there', async () => {
    await start(rule())
    const gone = await manifest('nobody')
    expect([gone.status, errorOf(gone).code]).toEqual([404, 'MANIFEST_UNKNOWN'])
    stopUpstream()
    expect((await manifest('nobody')).status).toBe(503)
  })

  test('does not wait long for the first place', async () => {
    await start(rule(), { 'map-wait': '50ms' })
    ipfs.faults = { slowHead: 600_000 }
    await expectPulled('upstream')
  })

  test('never comes whole with wrong bytes, whichever place sends them', async () => {
    await start(rule())
    await manifest('3.19')
    ipfs.faults = { flipBlock: 1, when: ({ path }) => path.includes(layer.digest.slice(7)) }
    expect(sha256((await blob()).body)).toBe(layer.digest)
    upstream.fault = ({ url }, response, answer) =>
      url.includes('/blobs/')
        ? reply(response, 200, {}, patternBytes(LARGE, 2))
        : answer({ method: 'GET', url, headers: {}, body: '' }, response)
    await gateway?.stop()
    await serve({ map: file(), store: join(folder.path, 'another') })
    await manifest('3.19')
    const answer = await blob()
    expect(answer.status === 200 && answer.complete).toBe(false)
  })

  test('comes from the other place after the first has sent wrong bytes, which were judged at the end', async () => {
    await start(rule('    order: upstream-first\n'))
    upstream.fault = ({ url, method }, response, answer) =>
      url.includes('/blobs/')
        ? reply(response, 200, {}, patternBytes(LARGE, 2))
        : answer({ method, url, headers: {}, body: '' }, response)
    const first = await blob()
    expect(first.status === 200 && first.complete).toBe(false)
    expect(sha256((await blob()).body)).toBe(layer.digest)
  })

  test('lists what the first place lists', async () => {
    await start(rule())
    const { tags } = JSON.parse((await get('/v2/library/alpine/tags/list')).body.toString()) as {
      tags: string[]
    }
    expect(tags).toEqual(['3.19', 'here'])
  })
})

test.each(['docker.io/alpine', 'index.docker.io/library/alpine', 'hub/library/*'])(
  'a rule for %s is about every way to write it',
  async (name) => {
    await start(rule('    order: ipfs-only\n').replace('docker.io/library/alpine', name), {
      upstream: [`docker.io=${upstream.server.url};alias=hub`],
    })
    for (const asked of ['alpine', 'library/alpine', 'hub/alpine']) {
      expect((await manifest('3.19', asked)).status).toBe(200)
      expect((await manifest('there', asked)).status).toBe(404)
    }
    expect(upstream.server.connections).toBe(0)
  },
)

test('a name that its upstream denies is still on IPFS', async () => {
  await start(rule(), { upstream: [`docker.io=${upstream.server.url};deny=library/*`] })
  expect((await manifest('3.19')).status).toBe(200)
  expect((await manifest('there')).status).toBe(404)
  expect(upstream.server.connections).toBe(0)
})

test('a registry that is configured nowhere may be on IPFS', async () => {
  await start(rule().replace('docker.io/library', 'registry.corp.example:5000/team'))
  expect((await get('/v2/team/alpine/manifests/3.19?ns=registry.corp.example:5000')).status).toBe(200)
  expect((await get('/v2/team/other/manifests/3.19?ns=registry.corp.example:5000')).status).toBe(404)
})

test('captures lead to folders', async () => {
  await start(
    `names:\n  - name: docker.io/*/*\n    ipfs: /ipfs/${tree.root.toString()}/$2\n    order: ipfs-only\n`,
  )
  expect((await manifest('3.19', 'any/alpine')).status).toBe(200)
  expect((await manifest('3.19', 'any/other')).status).toBe(404)
})

describe('a rule that allows some sources', () => {
  test('asks no others, for names neither', async () => {
    const name = ed25519Key()
    await start(
      `names:\n  - name: docker.io/library/alpine\n    ipfs: /ipns/${name.name.text}/alpine\n    order: ipfs-only\n    sources: [embedded]\n`,
      { source: ['embedded', `gateway=${ipfs.url}`] },
    )
    expect((await manifest('3.19')).status).toBe(503)
    // Whether a source answers at all is asked with no name in it.
    const named = ipfs.requests.filter(({ url }) => !url.includes('bafkqaaa'))
    expect([named, upstream.server.requests]).toEqual([[], []])
  })

  test('asks those it names', async () => {
    await start(rule('    sources: [gateway]\n'), { source: ['embedded', `gateway=${ipfs.url}`] })
    await expectPulled('ipfs')
  })

  test('is refused when it names one that is not there', async () => {
    await expect(start(rule('    sources: [kubo]\n'))).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })
})

describe('the mapping', () => {
  test('is read again when its file changes; a broken one changes nothing', async () => {
    await start('names: []\n')
    expect((await manifest('3.19')).headers).not.toHaveProperty('x-ipfs-path')
    const next = `${file()}.new`
    await writeFile(next, rule())
    await rename(next, file())
    await until(async () => (await manifest('3.19')).headers['x-ipfs-path'] !== undefined)
    await writeFile(file(), 'names: [{ name: A }]\n')
    await until(() => (gateway?.log() ?? []).some((line) => line.includes('line 1')))
    await expectPulled('ipfs')
  })

  test('that is missing or broken refuses the start', async () => {
    await expect(serve({ map: file() })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    await expect(start('names: 7\n')).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })

  test('may be on IPFS under a name, is kept for when that can not be had, and until then nobody is asked', async () => {
    const name = ed25519Key()
    const mapping = await importTree({ 'names.yaml': Buffer.from(rule()) })
    const map = `/ipns/${name.name.text}/names.yaml`
    await serve({ map })
    const early = await manifest('3.19')
    expect([early.status, errorOf(early).message]).toEqual([503, expect.stringContaining('not known yet')])
    expect(upstream.server.connections).toBe(0)
    await gateway?.stop()

    ipfs.add(mapping)
    ipfs.records.set(name.name.text, await name.record({ value: `/ipfs/${mapping.root.toString()}` }))
    await serve({ map })
    await expectPulled('ipfs')
    await gateway?.stop()

    stopIpfs()
    await serve({ map })
    await expectPulled('ipfs')
  })
})
