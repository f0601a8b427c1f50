import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Flags } from '../../src/config/load.ts'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import { importTree, type ContentTree } from '../fixtures/content-tree.ts'
import { TestDnsServer } from '../fixtures/dns-server.ts'
import { ed25519Key, type IpnsKey } from '../fixtures/ipns-keys.ts'
import { digestOfBytes, LayoutBuilder, sideBySide, type LayoutFiles } from '../fixtures/layouts.ts'
import { ask, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { storageTreeFiles } from '../fixtures/storage-tree.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'
import { startUpstreamRegistry, type UpstreamRegistry } from '../fixtures/upstream-registry.ts'

let folder: Awaited<ReturnType<typeof storeFolder>>
let upstream: UpstreamRegistry
let ipfs: TrustlessGateway
let gateway: ServedGateway | undefined
let key: IpnsKey
/** Of the upstream, under each name that a root has too. */
let strange: Descriptor

beforeEach(async () => {
  folder = await storeFolder()
  upstream = await startUpstreamRegistry()
  ipfs = await startTrustlessGateway()
  key = ed25519Key()
  strange = upstream.images.image({ content: 'of a stranger' })
  for (const name of ['team/app', 'library/app', 'other/app']) upstream.push(name, 'v1', strange)
})

afterEach(async () => {
  await gateway?.stop()
  gateway = undefined
  await upstream.close()
  await ipfs.close()
  await folder.remove()
})

async function start(roots: readonly string[], flags: Flags = {}): Promise<void> {
  gateway = await startServedGateway(join(folder.path, 'store'), {
    source: [`gateway=${ipfs.url}`],
    upstream: [`docker.io=${upstream.server.url}`],
    'read-only-root': roots,
    'ipns-ttl-min': '0',
    ...flags,
  })
}

interface Image {
  readonly descriptor: Descriptor
  readonly layer: string
  readonly files: LayoutFiles
}

function image(content: string, tag = 'v1'): Image {
  const layout = new LayoutBuilder()
  const descriptor = layout.image({ content, layers: [content] })
  return {
    descriptor,
    layer: digestOfBytes(Buffer.from(content)),
    files: layout.list(descriptor, { ref: tag }).files(),
  }
}

async function put(files: LayoutFiles): Promise<ContentTree> {
  const tree = await importTree(Object.fromEntries(files))
  ipfs.add(tree)
  return tree
}

async function publish(tree: ContentTree, sequence = 1n): Promise<void> {
  const value = `/ipfs/${tree.root.toString()}`
  ipfs.records.set(key.name.text, await key.record({ value, sequence, ttl: 0 }))
}

const get = (path: string): Promise<RawAnswer> => ask(gateway?.port ?? 0, path)
const manifest = (name: string, reference = 'v1'): Promise<RawAnswer> =>
  get(`/v2/${name}/manifests/${reference}`)
const digestOf = (answer: RawAnswer): unknown => answer.headers['docker-content-digest']
const told = (answer: RawAnswer): unknown[] => [answer.status, errorOf(answer).code]

describe('an ordinary name', () => {
  test('is looked up in the roots, in their order, and then upstream', async () => {
    const [first, second, third] = [image('first'), image('second'), image('third')]
    const one = await put(sideBySide({ 'team/app': first.files }))
    await publish(await put(sideBySide({ 'team/app': second.files, app: third.files })))
    await start([`/ipfs/${one.root.toString()}`, `/ipns/${key.name.text}`])
    const tag = await manifest('team/app')
    expect(digestOf(tag)).toBe(first.descriptor.digest)
    // The root never changes, but what the name means may.
    expect(tag.headers['cache-control']).toBe('no-cache')
    expect(digestOf(await manifest('app'))).toBe(third.descriptor.digest)
    expect(upstream.server.requests).toEqual([])
    const elsewhere = await manifest('other/app')
    expect(digestOf(elsewhere)).toBe(strange.digest)
    expect(elsewhere.headers).not.toHaveProperty('x-ipfs-path')
  })

  test('with its registry in front, or asked of a mirror, is not looked up there', async () => {
    const tree = await put(sideBySide({ 'team/app': image('mine').files }))
    await start([`/ipfs/${tree.root.toString()}`])
    expect(digestOf(await manifest('docker.io/team/app'))).toBe(strange.digest)
    expect(digestOf(await get('/v2/team/app/manifests/v1?ns=docker.io'))).toBe(strange.digest)
  })

  test('that a root has is of that root, also where a tag or blob is missing', async () => {
    const { files, layer } = image('mine')
    const tree = await put(sideBySide({ 'team/app': files }))
    upstream.push('team/app', 'v2', strange)
    await start([`/ipfs/${tree.root.toString()}`])
    expect(told(await manifest('team/app', 'v2'))).toEqual([404, 'MANIFEST_UNKNOWN'])
    expect(told(await manifest('team/app', strange.digest))).toEqual([404, 'MANIFEST_UNKNOWN'])
    expect((await get(`/v2/team/app/blobs/${layer}`)).body.toString()).toBe('mine')
    expect(JSON.parse((await get('/v2/team/app/tags/list')).body.toString())).toMatchObject({
      // As of any layout with one image.
      tags: ['latest', 'v1'],
    })
    expect(upstream.server.requests).toEqual([])
  })

  test('is not led to the layout of a folder above its own', async () => {
    const tree = await put(sideBySide({ team: image('above').files }))
    await start([`/ipfs/${tree.root.toString()}`])
    expect(digestOf(await manifest('team/app'))).toBe(strange.digest)
    expect(digestOf(await manifest('team/app', strange.digest))).toBe(strange.digest)
  })

  test('costs no question to IPFS any more once its absence is known', async () => {
    const tree = await put(sideBySide({ mine: image('mine').files }))
    await start([`/ipfs/${tree.root.toString()}`])
    await manifest('other/app')
    const before = ipfs.requests.length
    for (let i = 0; i < 3; i += 1) expect(digestOf(await manifest('other/app'))).toBe(strange.digest)
    expect(ipfs.requests.slice(before)).toEqual([])
  })
})

describe('a root that can not be read', () => {
  test('whose name nobody resolves answers 503, and no stranger is asked', async () => {
    await start([`/ipns/${key.name.text}`])
    expect(told(await manifest('team/app'))).toEqual([503, 'UNAVAILABLE'])
    expect(upstream.server.requests).toEqual([])
  })

  test('whose domain has no DNSLink answers 503 too: that it leads nowhere says nothing of what it has', async () => {
    const dns = await TestDnsServer.start()
    try {
      await start(['/ipns/images.example.org'], { 'dns-server': [`${dns.address.host}:${dns.address.port}`] })
      expect(told(await manifest('team/app'))).toEqual([503, 'UNAVAILABLE'])
      expect(upstream.server.requests).toEqual([])
    } finally {
      await dns.close()
    }
  })

  test('whose folder is nowhere answers 503, and no stranger is asked', async () => {
    const tree = await importTree(Object.fromEntries(sideBySide({ 'team/app': image('mine').files })))
    await publish(tree)
    await start([`/ipns/${key.name.text}`])
    expect(told(await manifest('team/app'))).toEqual([503, 'UNAVAILABLE'])
    expect(upstream.server.requests).toEqual([])
  })

  test('is judged by its last known root', async () => {
    const mine = image('mine')
    await publish(await put(sideBySide({ 'team/app': mine.files })))
    await start([`/ipns/${key.name.text}`])
    await manifest('team/app')
    ipfs.records.clear()
    const answer = await manifest('team/app')
    expect(digestOf(answer)).toBe(mine.descriptor.digest)
    expect(answer.headers.warning).toContain('could not be refreshed')
    expect(digestOf(await manifest('other/app'))).toBe(strange.digest)
  })
})

describe('a root that moves', () => {
  test('takes along a pull that began before', async () => {
    const [before, after] = [image('before'), image('after')]
    await publish(await put(sideBySide({ 'team/app': before.files })))
    await start([`/ipns/${key.name.text}`])
    expect(digestOf(await manifest('team/app'))).toBe(before.descriptor.digest)
    await publish(await put(sideBySide({ 'team/app': after.files })), 2n)
    expect(digestOf(await manifest('team/app'))).toBe(after.descriptor.digest)
    expect((await get(`/v2/team/app/blobs/${before.layer}`)).body.toString()).toBe('before')
    // Also where the repository is gone.
    await publish(await put(sideBySide({ others: after.files })), 3n)
    expect(digestOf(await manifest('team/app'))).toBe(strange.digest)
    expect((await get(`/v2/team/app/blobs/${before.layer}`)).body.toString()).toBe('before')
  })
})

test('lists of what may be served hold here too, and only for what a root has', async () => {
  const tree = await put(sideBySide({ 'team/app': image('mine').files }))
  await start([`/ipfs/${tree.root.toString()}`], { allow: ['/ipns/images.example.org'] })
  expect(told(await manifest('team/app'))).toEqual([403, 'DENIED'])
  expect(digestOf(await manifest('other/app'))).toBe(strange.digest)
})

describe('a storage tree of distribution', () => {
  const images = new LayoutBuilder()
  const app = images.image({ content: 'an app', layers: ['layer of the app'] })
  const multi = images.multiPlatform(['linux/amd64', 'linux/arm64'], { content: 'multi' })
  const secret = images.image({ content: 'secret', layers: ['secret layer'] })
  const signature = images.artifact('application/signature', app)
  const list = images.index([{ ...signature, artifactType: 'application/signature' }])
  const note = images.artifact('application/note', secret)
  const layer = digestOfBytes(Buffer.from('layer of the app'))
  const files = storageTreeFiles(images, {
    'team/app': {
      v2: app.digest,
      v1: app.digest,
      multi: multi.index.digest,
      [app.digest.replace(':', '-')]: list.digest,
    },
    secret: { v1: secret.digest, [note.digest]: note.digest },
  })

  test.each([
    ['as a read-only root', (_root: string) => 'team/app'],
    ['below its CID', (root: string) => `ipfs/${root}/team/app`],
    ['below its name', () => `ipns/${key.name.text}/team/app`],
  ])('is read %s', async (_, nameOf) => {
    const tree = await put(files)
    await publish(tree)
    await start([`/ipns/${key.name.text}`])
    const name = nameOf(tree.root.toString())
    const got = await manifest(name)
    expect([got.status, digestOf(got)]).toEqual([200, app.digest])
    expect(digestOfBytes(got.body)).toBe(app.digest)
    expect((await get(`/v2/${name}/blobs/${layer}`)).body.toString()).toBe('layer of the app')
    const head = await ask(gateway?.port ?? 0, `/v2/${name}/blobs/${layer}`, { method: 'HEAD' })
    expect([head.status, head.headers['content-length']]).toEqual([200, '16'])
    const part = await ask(gateway?.port ?? 0, `/v2/${name}/blobs/${layer}`, {
      headers: { range: 'bytes=9-12' },
    })
    expect([part.status, part.body.toString()]).toEqual([206, 'the '.slice(0, 4)])
    const arm = multi.images[1]?.digest ?? ''
    expect(digestOf(await manifest(name, 'multi'))).toBe(multi.index.digest)
    expect(digestOf(await manifest(name, arm))).toBe(arm)
    const { tags } = JSON.parse((await get(`/v2/${name}/tags/list`)).body.toString()) as { tags: string[] }
    expect(tags).toEqual(['multi', app.digest.replace(':', '-'), 'v1', 'v2'])
    expect(told(await manifest(name, 'v3'))).toEqual([404, 'MANIFEST_UNKNOWN'])
  })

  test('gives a repository what it has a link to, and nothing else of the common blobs', async () => {
    await publish(await put(files))
    await start([`/ipns/${key.name.text}`])
    const hidden = digestOfBytes(Buffer.from('secret layer'))
    // What is in the cache is still not of the other repository.
    expect((await get(`/v2/secret/blobs/${hidden}`)).status).toBe(200)
    expect(told(await get(`/v2/team/app/blobs/${hidden}`))).toEqual([404, 'BLOB_UNKNOWN'])
    expect(told(await manifest('team/app', secret.digest))).toEqual([404, 'MANIFEST_UNKNOWN'])
  })

  test('tells referrers by the fallback tag, or by reading all manifests', async () => {
    await publish(await put(files))
    await start([`/ipns/${key.name.text}`])
    const referrers = async (name: string, subject: string): Promise<unknown> => {
      const { body } = await get(`/v2/${name}/referrers/${subject}`)
      const { manifests } = JSON.parse(body.toString()) as {
        manifests: { digest: string; artifactType: string }[]
      }
      return manifests.map(({ digest, artifactType }) => [digest, artifactType])
    }
    expect(await referrers('team/app', app.digest)).toEqual([[signature.digest, 'application/signature']])
    expect(await referrers('secret', secret.digest)).toEqual([[note.digest, 'application/note']])
    expect(await referrers('secret', note.digest)).toEqual([])
  })

  test('never gives bytes that are not those of the digest', async () => {
    const wrong = new Map(files)
    const hex = layer.slice('sha256:'.length)
    wrong.set(
      `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`,
      Buffer.from('layer of th3 app'),
    )
    const tree = await put(wrong)
    await start([`/ipfs/${tree.root.toString()}`])
    const answer = await get(`/v2/team/app/blobs/${layer}`)
    expect(answer.status === 200 && answer.complete).toBe(false)
  })

  test('answers 503 for what it has while its data can not be had', async () => {
    const tree = await put(files)
    await start([`/ipfs/${tree.root.toString()}`])
    expect((await manifest('team/app')).status).toBe(200)
    ipfs.faults = { status: 500 }
    expect((await get(`/v2/team/app/blobs/${layer}`)).status).toBe(503)
    expect((await manifest('team/app')).status).toBe(200)
  })

  test('an ordinary layout costs as many questions as it does without', async () => {
    const tree = await put(sideBySide({ 'team/app': image('mine').files }))
    await start([])
    await manifest(`ipfs/${tree.root.toString()}/team/app`)
    expect(ipfs.requests.filter(({ url }) => url.includes(tree.root.toString()))).toHaveLength(2)
    expect(ipfs.requests.some(({ url }) => url.includes('docker'))).toBe(false)
  })
})
