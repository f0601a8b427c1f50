import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openMetadata } from '../../src/cache/metadata.ts'
import type { Flags } from '../../src/config/load.ts'
import { BlockTable } from '../../src/content/embedded/block-table.ts'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import { until } from '../fixtures/blob-store.ts'
import { importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { ed25519Key, type IpnsKey } from '../fixtures/ipns-keys.ts'
import { digestOfBytes, LayoutBuilder, sideBySide, type LayoutFiles } from '../fixtures/layouts.ts'
import { ask, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { storageTreeFiles } from '../fixtures/storage-tree.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

let folder: Awaited<ReturnType<typeof storeFolder>>
let ipfs: TrustlessGateway
let gateway: ServedGateway | undefined
let key: IpnsKey
let sequence = 0n

beforeEach(async () => {
  folder = await storeFolder()
  ipfs = await startTrustlessGateway()
  key = ed25519Key()
})

afterEach(async () => {
  await stop()
  await ipfs.close()
  await folder.remove()
})

const store = (): string => join(folder.path, 'store')

async function start(options = 'follow=true', flags: Flags = {}): Promise<void> {
  gateway = await startServedGateway(store(), {
    source: ['embedded', `gateway=${ipfs.url}`],
    upstream: ['none'],
    'read-only-root': [`/ipns/${key.name.text};${options}`],
    'ipns-ttl-min': '0',
    ...flags,
  })
}

async function stop(): Promise<void> {
  await gateway?.stop()
  gateway = undefined
}

interface Image {
  readonly descriptor: Descriptor
  readonly layer: string
  readonly bytes: Uint8Array
  readonly files: LayoutFiles
}

/** With a layer of several blocks. */
function image(content: string): Image {
  const layout = new LayoutBuilder()
  const bytes = Buffer.concat([Buffer.from(content), patternBytes(2_500_000)])
  const descriptor = layout.image({ content, layers: [bytes] })
  const { files } = { files: layout.list(descriptor, { ref: 'v1' }).files() }
  return { descriptor, layer: digestOfBytes(bytes), bytes, files }
}

/** @param lost how many of its blocks nobody has, from the last one */
async function put(files: LayoutFiles): Promise<ContentTree> {
  const tree = await importTree(Object.fromEntries(files))
  ipfs.add(tree)
  return tree
}

async function publish(tree: ContentTree): Promise<string> {
  const value = `/ipfs/${tree.root.toString()}`
  sequence += 1n
  ipfs.records.set(key.name.text, await key.record({ value, sequence, ttl: 0 }))
  return value
}

const get = (path: string): Promise<RawAnswer> => ask(gateway?.port ?? 0, path)
const manifest = (name: string, reference = 'v1'): Promise<RawAnswer> =>
  get(`/v2/${name}/manifests/${reference}`)
const digestOf = (answer: RawAnswer): unknown => answer.headers['docker-content-digest']
const logged = (text: string): boolean => (gateway?.log() ?? []).some((line) => line.includes(text))
const kept = (path: string): Promise<void> => until(() => logged(`is kept as ${path}`))

async function expectPulled(name: string, { descriptor, layer, bytes }: Image): Promise<void> {
  expect(digestOf(await manifest(name))).toBe(descriptor.digest)
  const blob = await get(`/v2/${name}/blobs/${layer}`)
  expect([blob.status, Buffer.from(bytes).equals(blob.body)]).toEqual([200, true])
}

/** What is pinned for the root, with the gateway stopped. */
async function pins(): Promise<ReadonlySet<string>> {
  await stop()
  const metadata = await openMetadata(join(store(), 'metadata'))
  const found = await new BlockTable(metadata).pinnedAs(`ipfs-registry-follow-/ipns/${key.name.text}`)
  await metadata.close()
  return found
}

function gone(): void {
  ipfs.faults = { status: 500 }
  ipfs.records.clear()
}

describe('a followed root', () => {
  test('is pulled from when the original is gone, also after a restart', async () => {
    const [one, other] = [image('one'), image('other')]
    const root = await publish(await put(sideBySide({ 'team/one': one.files, other: other.files })))
    await start()
    await kept(root)
    gone()
    await expectPulled('team/one', one)
    await stop()
    await start('follow=true', { 'ipns-stale': '0' })
    await expectPulled('other', other)
    expect(errorOf(await manifest('team/one', 'v2')).code).toBe('MANIFEST_UNKNOWN')
    // That it has no other repository is known too.
    expect((await manifest('team/third')).status).toBe(404)
  })

  test('is pulled by its own name as well when the original is gone', async () => {
    const [one, other] = [image('one'), image('other')]
    const root = await publish(await put(sideBySide({ 'team/one': one.files, other: other.files })))
    await start()
    await kept(root)
    const name = `ipns/${key.name.text}`
    // No repository of the root, but a path with a layout above.
    await expectPulled(`${name}/other/below`, other)
    gone()
    await stop()
    await start('follow=true', { 'ipns-stale': '0' })
    await expectPulled(`${name}/team/one`, one)
    await expectPulled(`${name}/other`, other)
    expect(errorOf(await manifest(`${name}/team/one`, 'v2')).code).toBe('MANIFEST_UNKNOWN')
  })

  test('is replaced when all of the new one is here, and then the old one is let go', async () => {
    const [before, after, same] = [image('before'), image('after'), image('same')]
    const old = await put(sideBySide({ app: before.files, same: same.files }))
    await start()
    await kept(await publish(old))
    const next = await put(sideBySide({ app: after.files, same: same.files }))
    const lost = [...next.blocks].filter(([cid]) => !old.blocks.has(cid)).at(-3) as [string, Uint8Array]
    ipfs.blocks.delete(lost[0])
    const root = await publish(next)
    await until(() => logged('could not be followed'))
    await expectPulled('app', before)
    ipfs.blocks.set(...lost)
    await kept(root)
    await expectPulled('app', after)
    expect((await get(`/v2/app/blobs/${before.layer}`)).status).toBe(200)
    const held = await pins()
    expect(held).toEqual(new Set(['app', 'same'].map((name) => next.cids.get(name)?.toString())))
  }, 30_000)

  test('is not replaced by an empty one', async () => {
    const one = image('one')
    await start()
    await kept(await publish(await put(sideBySide({ one: one.files }))))
    await publish(await put(new Map([['readme.txt', Buffer.from('all lost')]])))
    await until(() => logged('no repository any more'))
    await expectPulled('one', one)
  })

  test('is kept in part where globs say so; the rest is read where it is', async () => {
    const [one, other] = [image('one'), image('other')]
    const tree = await put(sideBySide({ 'team/one': one.files, other: other.files }))
    const root = await publish(tree)
    await start('follow=true;only=team/**')
    await kept(root)
    await expectPulled('other', other)
    gone()
    await expectPulled('team/one', one)
    expect(await pins()).toEqual(new Set([tree.cids.get('team/one')?.toString()]))
  })

  test('may be a storage tree', async () => {
    const images = new LayoutBuilder()
    const bytes = patternBytes(1_500_000)
    const descriptor = images.image({ layers: [bytes] })
    const files = storageTreeFiles(images, { 'team/app': { v1: descriptor.digest } })
    const root = await publish(await put(files))
    await start()
    await kept(root)
    gone()
    await expectPulled('team/app', { descriptor, bytes, layer: digestOfBytes(bytes), files })
    expect((await manifest('team/other')).status).toBe(404)
  })

  test('leaves alone what the user has published himself', async () => {
    const one = image('one')
    const tree = await put(sideBySide({ one: one.files }))
    const cid = tree.cids.get('one')
    if (cid === undefined) throw new Error('there is one')
    const metadata = await openMetadata(join(store(), 'metadata'))
    await new BlockTable(metadata).pin(cid, 'mine')
    await metadata.close()
    await start()
    await kept(await publish(tree))
    expect(await pins()).toEqual(new Set())
  })
})

test.each([
  ['no store', { store: 'memory' }, /--store memory/],
  ['no source that reads the store', { source: ['gateway=https://ipfs.example.org'] }, /no source/],
])('a root can not be followed with %s', async (_, flags, message) => {
  await expect(start('follow=true', flags as Flags)).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringMatching(message) as unknown,
  })
})
