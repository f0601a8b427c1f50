import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Collected, ImportedRoot, RootReport } from '../../src/cli/root-reports.ts'
import { createProgram } from '../../src/wiring.ts'
import { commandLine, type Ran } from '../fixtures/command-line.ts'
import { imageToPush, PushClient, type ImageToPush } from '../fixtures/push-client.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'

const PUSHED = { push: 'true', upstream: ['none'] }
const image = imageToPush({ content: 'one', layers: ['small', Buffer.alloc(2_500_000, 'large')] })

let stores: Awaited<ReturnType<typeof storeFolder>>[]
let origin: ServedGateway
let gateway: ServedGateway | undefined

beforeEach(async () => {
  stores = [await storeFolder(), await storeFolder()]
  origin = await startServedGateway(stores[0]?.path ?? '', { ...PUSHED, source: ['embedded'] })
  gateway = await start()
  await push(origin, image, 'v1')
})

afterEach(async () => {
  await gateway?.stop()
  await origin.stop()
  for (const store of stores) await store.remove()
})

const sources = (): string[] => ['embedded', `gateway=http://127.0.0.1:${origin.port}`]

function start(): Promise<ServedGateway> {
  return startServedGateway(stores[1]?.path ?? '', { ...PUSHED, source: sources(), root: ['team'] })
}

async function stop(): Promise<void> {
  await gateway?.stop()
  gateway = undefined
}

function run(...argv: string[]): Promise<Ran> {
  const settings = ['--store', stores[1]?.path ?? '', ...sources().flatMap((source) => ['--source', source])]
  return commandLine({ argv: [...argv, ...settings], program: createProgram() })
}

async function json<T>(...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...argv, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as T
}

async function push(
  to: ServedGateway,
  { blobs, bytes, mediaType }: ImageToPush,
  tag: string,
): Promise<string> {
  const client = new PushClient(to.port)
  for (const [digest, blob] of blobs) expect((await client.pushBlob(digest, blob)).status).toBe(201)
  const { status, headers } = await client.putManifest(tag, bytes, mediaType)
  expect(status).toBe(201)
  return String(headers['x-ipfs-path'])
}

async function report(of: ServedGateway, root = 'home'): Promise<RootReport> {
  const path = stores[of === origin ? 0 : 1]?.path ?? ''
  const argv = ['roots', '--json', '--store', path, '--source', 'embedded']
  const { stdout } = await commandLine({ argv, program: createProgram() })
  const found = (JSON.parse(stdout) as RootReport[]).find((one) => one.root === root)
  if (found === undefined) throw new Error(`no root ${root}`)
  return found
}

const newestOf = async (of: ServedGateway, root?: string): Promise<string> =>
  (await report(of, root)).versions[0]?.cid ?? ''

/** The name of the root of the origin, once it leads to this version. */
async function publishedKey(cid: string): Promise<string> {
  for (;;) {
    const { name } = await report(origin)
    if (name?.key !== undefined && name.published === `/ipfs/${cid}`) return name.key
  }
}

describe.each(['through a gateway', 'on the store itself'])('roots import %s', (where) => {
  const ready = async (): Promise<void> => {
    if (where === 'on the store itself') await stop()
  }

  const rootsChanged = (): object[] =>
    (gateway?.log() ?? [])
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => message === 'a root has changed')
      .map(({ root, version, cid }) => ({ root, version, cid }))

  test('starts a root that is then pulled and pushed to, with the origin gone', async () => {
    const cid = await newestOf(origin)
    await ready()
    const imported = await json<ImportedRoot>('roots', 'import', `/ipfs/${cid}`)
    expect(imported).toEqual({ root: 'home', cid, version: 1, repositories: ['team/app'] })
    expect(rootsChanged()).toEqual(where === 'through a gateway' ? [{ root: 'home', version: 1, cid }] : [])
    gateway ??= await start()
    await origin.stop()
    // It is held by its version alone.
    expect((await json<Collected>('gc')).embedded).toMatchObject({ blobs: [], blocks: 0 })
    const refused = await run('unpublish', cid)
    expect(refused.code).toBe(1)
    for (const digest of image.blobs.keys()) {
      const { status, body } = await ask(gateway.port, `/v2/team/app/blobs/${digest}`)
      expect(status).toBe(200)
      expect(Buffer.from(image.blobs.get(digest) ?? '').equals(body)).toBe(true)
    }
    await push(gateway, imageToPush({ content: 'two' }), 'v2')
    expect((await report(gateway)).versions.map(({ number }) => number)).toEqual([2, 1])
    const { body } = await ask(gateway.port, '/v2/team/app/tags/list')
    expect(JSON.parse(body.toString())).toMatchObject({ tags: ['v1', 'v2'] })
  })

  test('never replaces a root', async () => {
    const cid = await newestOf(origin)
    await push(gateway as ServedGateway, imageToPush({ content: 'two' }), 'v2')
    const before = (await report(gateway as ServedGateway)).versions
    await ready()
    const { code, stderr } = await run('roots', 'import', `/ipfs/${cid}`)
    expect(code).toBe(1)
    expect(stderr).toContain('the root home has versions already')
    expect((await report(gateway as ServedGateway)).versions).toEqual(before)
  })

  test('takes another root, and what a name leads to', async () => {
    const cid = await newestOf(origin)
    const key = await publishedKey(cid)
    await ready()
    const { code, stdout, stderr } = await run('roots', 'import', `/ipns/${key}`, '--root', 'team')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe(`the root team is /ipfs/${cid} now, with 1 repository\n`)
  })

  test('refuses what is no root, is not named, or can not be had', async () => {
    const layout = await push(origin, image, 'v1')
    await ready()
    const cases = [
      [layout, 1, 'is no root'],
      ['/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy', 1, 'block bafkrei'],
      ['/ipfs/nonsense', 2, 'neither /ipfs/<cid> nor /ipns/<name>'],
      [`${layout}/blobs`, 2, 'name it by its own CID'],
    ] as const
    for (const [path, code, text] of cases) {
      const ran = await run('roots', 'import', path)
      expect({ path, ...ran }).toMatchObject({ code, stderr: expect.stringContaining(text) })
    }
    gateway ??= await start()
    expect((await report(gateway)).versions).toEqual([])
  })
})

test('a root that the settings do not name is not started', async () => {
  const cid = await newestOf(origin)
  const { code, stderr } = await run('roots', 'import', `/ipfs/${cid}`, '--root', 'other')
  expect(code).toBe(2)
  expect(stderr).toContain('"other" is no root')
})
