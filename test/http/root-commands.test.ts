import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import type { Collected, RootReport } from '../../src/cli/root-reports.ts'
import { createProgram } from '../../src/wiring.ts'
import { commandLine, type Ran } from '../fixtures/command-line.ts'
import { inTemporaryFolder, writeFiles } from '../fixtures/folders.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { imageToPush, PushClient, type ImageToPush } from '../fixtures/push-client.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'

const PUSHED = { source: ['embedded'], push: 'true', delete: 'true', upstream: ['none'] }
const image = imageToPush({ content: 'one' })

let store: Awaited<ReturnType<typeof storeFolder>>
let gateway: ServedGateway | undefined

beforeEach(async () => {
  store = await storeFolder()
  gateway = await startServedGateway(store.path, PUSHED)
})

afterEach(async () => {
  await gateway?.stop()
  await store.remove()
})

/** A command of another process, as far as it can tell. */
function run(...argv: string[]): Promise<Ran> {
  const settings = ['--store', store.path, '--source', 'embedded']
  return commandLine({ argv: [...argv, ...settings], program: createProgram() })
}

async function json<T>(...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...argv, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as T
}

function client(name = 'team/app'): PushClient {
  return new PushClient(gateway?.port ?? 0, name)
}

async function push({ blobs, bytes, mediaType }: ImageToPush, tag: string, name?: string): Promise<void> {
  const pushing = client(name)
  for (const [digest, blob] of blobs) expect((await pushing.pushBlob(digest, blob)).status).toBe(201)
  expect((await pushing.putManifest(tag, bytes, mediaType)).status).toBe(201)
}

async function publish(): Promise<string> {
  const layout = new LayoutBuilder()
  const files = layout
    .list(layout.image({ layers: [Buffer.alloc(100_000, 'published')] }), { ref: 'v1' })
    .files()
  return inTemporaryFolder(async (folder) => {
    await writeFiles(folder, files)
    return (await json<{ root: string }>('publish', folder)).root
  })
}

async function home(): Promise<RootReport> {
  const reports = await json<RootReport[]>('roots')
  const found = reports.find(({ root }) => root === 'home')
  if (found === undefined) throw new Error('no root home')
  return found
}

async function stop(): Promise<void> {
  await gateway?.stop()
  gateway = undefined
}

describe.each(['while a gateway holds the store', 'on the store itself'])('%s', (where) => {
  const ready = async (): Promise<void> => {
    if (where === 'on the store itself') await stop()
  }

  test('roots are shown before anything was pushed', async () => {
    await ready()
    expect(await home()).toMatchObject({ versions: [], bytes: 0, keptBytes: 0 })
    expect((await run('roots')).stdout).toMatch(/^home\n {2}current +nothing was pushed yet\n/)
  })

  test('roots tell of each version, newest first, with bytes and times', async () => {
    const began = Date.now()
    await push(image, 'v1')
    const first = await home()
    await push(image, 'v1', 'another')
    await ready()
    const both = await home()
    expect(both.versions.map(({ number }) => number)).toEqual([2, 1])
    expect(both.versions[1]).toEqual(first.versions[0])
    for (const { cid, at = 0 } of both.versions) {
      expect(CID.parse(cid).version).toBe(1)
      expect(at).toBeGreaterThanOrEqual(began)
      expect(at).toBeLessThanOrEqual(Date.now())
    }
    // The same blobs in two repositories are kept once.
    const blobBytes = [image.bytes, ...image.blobs.values()].reduce((sum, { length }) => sum + length, 0)
    expect(first.bytes).toBeGreaterThan(blobBytes)
    expect(both.bytes).toBe(first.bytes)
    const { stdout } = await run('roots')
    expect(stdout).toContain(`current    /ipfs/${both.versions[0]?.cid}`)
    expect(stdout).toContain(`/ipfs/${first.versions[0]?.cid}, 1, `)
  })

  test('what was deleted is kept for as long as the history has a version with it', async () => {
    await push(image, 'v1')
    expect((await client().send('DELETE', `manifests/${image.digest}`)).status).toBe(202)
    for (const digest of image.blobs.keys()) await client().send('DELETE', `blobs/${digest}`)
    await ready()
    const listed = await json<Collected>('gc', '--dry-run')
    expect(listed).toMatchObject({ dryRun: true, embedded: { blobs: [], blobBytes: 0 } })
    expect((await home()).keptBytes).toBeGreaterThan((await home()).bytes)
  })

  test('what was published is kept until it is unpublished, then collected', async () => {
    const root = await publish()
    await push(image, 'v1')
    await ready()
    expect((await json<Collected>('gc')).embedded?.blobs).toEqual([])
    expect(await json('unpublish', `/ipfs/${root}`)).toEqual({ cid: root })
    const listed = await json<Collected>('gc', '--dry-run')
    expect(listed.embedded?.blobBytes).toBeGreaterThanOrEqual(100_000)
    const shown = (await run('gc', '--dry-run')).stdout
    for (const { digest } of listed.embedded?.blobs ?? []) expect(shown).toContain(digest)
    expect(shown).toContain('would remove')
    // Nothing has gone yet.
    expect(await json<Collected>('gc')).toEqual({ ...listed, dryRun: false })
    expect((await json<Collected>('gc')).embedded).toMatchObject({ blobs: [], blobBytes: 0, blocks: 0 })
    gateway ??= await startServedGateway(store.path, PUSHED)
    expect((await ask(gateway.port, '/v2/team/app/manifests/v1')).status).toBe(200)
    for (const digest of image.blobs.keys()) {
      expect((await ask(gateway.port, `/v2/team/app/blobs/${digest}`)).status).toBe(200)
    }
  })

  test('what was not published is not unpublished', async () => {
    await push(image, 'v1')
    const { versions } = await home()
    await ready()
    const { code, stderr } = await run('unpublish', versions[0]?.cid ?? '')
    expect(code).toBe(1)
    expect(stderr).toContain('was not published or imported here')
    const wrong = await run('unpublish', '/ipns/example.org')
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('neither a CID nor /ipfs/<cid>')
  })
})

test('the name of a root is shown, and what is published with it', async () => {
  await push(image, 'v1')
  await stop()
  const { name, versions } = await home()
  // The end of a gateway waits for it.
  expect(name).toMatchObject({ keyName: 'home', published: `/ipfs/${versions[0]?.cid}` })
  expect((await run('roots')).stdout).toContain(`/ipns/${name?.key} (key home)`)
  gateway = await startServedGateway(store.path, { ...PUSHED, 'publish-names': 'false' })
  expect((await home()).name).toEqual(name)
})

test('a gateway without pushing shows what is in its store, and collects', async () => {
  await push(image, 'v1')
  await stop()
  gateway = await startServedGateway(store.path, { source: ['embedded'] })
  expect((await home()).versions).toHaveLength(1)
  const root = await publish()
  expect(await json('unpublish', root)).toEqual({ cid: root })
  expect((await json<Collected>('gc')).embedded?.blobBytes).toBeGreaterThanOrEqual(100_000)
  expect((await home()).versions).toHaveLength(1)
})

test('a shorter history lets go of the versions before it, also in a dry run', async () => {
  await push(image, 'v1')
  await push(imageToPush({ content: 'two' }), 'v2')
  await push(imageToPush({ content: 'three' }), 'v3')
  await stop()
  expect((await home()).versions).toHaveLength(3)
  const dry = await json<Collected>('gc', '--dry-run', '--root-history', '1')
  expect(dry.embedded?.blocks).toBeGreaterThan(0)
  expect((await home()).versions).toHaveLength(3)
  expect(await json<Collected>('gc', '--root-history', '1')).toEqual({ ...dry, dryRun: false })
  expect((await home()).versions.map(({ number }) => number)).toEqual([3])
})

test('without a folder there is nothing to look at', async () => {
  for (const command of [['roots'], ['gc'], ['unpublish', 'bafkqaaa']]) {
    const argv = [...command, '--store', 'memory', '--source', 'embedded']
    const { code, stderr } = await commandLine({ argv, program: createProgram() })
    expect(code).toBe(2)
    expect(stderr).toContain('--store memory')
  }
})
