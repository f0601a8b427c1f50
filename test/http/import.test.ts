import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImportedCar } from '../../src/import/importer.ts'
import { createProgram } from '../../src/wiring.ts'
import { until } from '../fixtures/blob-store.ts'
import { commandLine, type CommandLine, type Ran } from '../fixtures/command-line.ts'
import { importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { inTemporaryFolder, writeFiles } from '../fixtures/folders.ts'
import { ed25519Key, type IpnsKey } from '../fixtures/ipns-keys.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const layout = new LayoutBuilder()
const bytes = Buffer.from(patternBytes(2_500_000))
const layer = layout.blob(bytes, 'application/vnd.oci.image.layer.v1.tar')
const image = layout.image({ layers: [bytes] })
const files = layout.list(image, { ref: 'v1' }).files()

async function treeOf(content: string): Promise<ContentTree> {
  const builder = new LayoutBuilder()
  return importTree(Object.fromEntries(builder.list(builder.image({ content }), { ref: 'v1' }).files()))
}

const OLD = await treeOf('the old one')
const NEW = await treeOf('the new one')
const valueOf = (tree: ContentTree): string => `/ipfs/${tree.root.toString()}`

const stores: Awaited<ReturnType<typeof storeFolder>>[] = []
let store: string
let gateway: ServedGateway | undefined

beforeEach(async () => {
  store = await newStore()
})

afterEach(async () => {
  await stop()
  for (const each of stores.splice(0)) await each.remove()
})

async function newStore(): Promise<string> {
  const made = await storeFolder()
  stores.push(made)
  return made.path
}

async function start(flags: Parameters<typeof startServedGateway>[1] = {}): Promise<void> {
  gateway = await startServedGateway(store, { source: ['embedded'], 'ipns-ttl-min': '0', ...flags })
}

async function stop(): Promise<void> {
  await gateway?.stop()
  gateway = undefined
}

function get(path: string): Promise<RawAnswer> {
  if (gateway === undefined) throw new Error('no gateway runs')
  return ask(gateway.port, path)
}

/** A command of another process, as far as it can tell. */
function run(argv: readonly string[], more: Partial<CommandLine> = {}): Promise<Ran> {
  const settings = ['--store', store, '--source', 'embedded']
  return commandLine({ argv: [...argv, ...settings], program: createProgram(), ...more })
}

/** The CAR of a layout that was published into another store, as that one's gateway gives it. */
async function publishedCar(): Promise<{ root: string; car: Buffer }> {
  const other = await newStore()
  const root = await inTemporaryFolder(async (folder) => {
    await writeFiles(folder, files)
    const argv = ['publish', folder, '--name', 'app', '--store', other, '--source', 'embedded']
    const { stdout } = await commandLine({ argv, program: createProgram() })
    return stdout.split('\n')[0] ?? ''
  })
  const publisher = await startServedGateway(other, { source: ['embedded'] })
  try {
    const { body } = await ask(publisher.port, `/ipfs/${root}?format=car`)
    return { root, car: body }
  } finally {
    await publisher.stop()
  }
}

async function expectImage(root: string): Promise<void> {
  const repository = `/v2/ipfs/${root}/app`
  const manifest = await get(`${repository}/manifests/v1`)
  expect(manifest.headers['docker-content-digest']).toBe(image.digest)
  const blob = await get(`${repository}/blobs/${layer.digest}`)
  expect([blob.status, blob.body.equals(bytes)]).toEqual([200, true])
}

describe('a layout that was published elsewhere', () => {
  test.each([
    ['by a gateway that runs', 'file', true],
    ['before a gateway runs', 'file', false],
    ['from a pipe, by a gateway that runs', 'pipe', true],
    ['from a pipe, before a gateway runs', 'pipe', false],
  ] as const)('is imported %s, and pulled with the same digests', async (_, from, running) => {
    const { root, car } = await publishedCar()
    if (running) await start()
    const { code, stdout } = await inTemporaryFolder(async (folder) => {
      const file = join(folder, 'app.car')
      await writeFile(file, car)
      if (from === 'file') return run(['import', file, '--json'])
      return run(['import', '-', '--json'], { stdin: createReadStream(file) })
    })
    expect(code).toBe(0)
    expect(JSON.parse(stdout) as ImportedCar).toMatchObject({
      kind: 'car',
      roots: [{ root }],
      unreachable: 0,
      missing: 0,
    })
    if (!running) await start()
    await expectImage(root)
    await stop()
    await start()
    await expectImage(root)
    expect((await get(`/ipfs/${root}?format=car`)).body.equals(car)).toBe(true)
  })

  test('that is cut is refused by the gateway that runs, as by the command itself', async () => {
    const { root, car } = await publishedCar()
    for (const running of [true, false]) {
      if (running) await start()
      else await stop()
      const { code, stderr } = await inTemporaryFolder(async (folder) => {
        const file = join(folder, 'app.car')
        await writeFile(file, car.subarray(0, -1))
        return run(['import', file])
      })
      expect(code).toBe(1)
      expect(stderr).toMatch(/^ipfs-registry: app\.car is a CAR that is cut in /)
    }
    await start()
    expect((await get(`/v2/ipfs/${root}/app/manifests/v1`)).status).not.toBe(200)
  })

  test.each([
    ['nothing', 'there/is/nothing.car', /nothing\.car does not exist/],
    ['a folder', '.', /\. is a folder/],
  ])('can not be read from %s', async (_, path, message) => {
    const { code, stderr } = await run(['import', path])
    expect([code, message.test(stderr)]).toEqual([1, true])
  })

  test('needs a store on disk', async () => {
    const argv = ['import', 'a.car', '--store', 'memory']
    const { code, stderr } = await commandLine({ argv, program: createProgram() })
    expect([code, stderr.includes('there is nowhere to put it')]).toEqual([2, true])
  })
})

describe('a record', () => {
  let source: TrustlessGateway
  let key: IpnsKey

  beforeEach(async () => {
    source = await startTrustlessGateway(OLD, NEW)
    key = ed25519Key()
  })

  afterEach(() => source.close())

  const withSource = (): Promise<void> => start({ source: ['embedded', `gateway=${source.url}`] })
  const pull = (): Promise<RawAnswer> => get(`/v2/ipns/${key.name.text}/manifests/v1`)
  const importRecord = (record: Uint8Array, name = `${key.name.text}.ipns-record`): Promise<Ran> =>
    inTemporaryFolder(async (folder) => {
      await writeFile(join(folder, name), record)
      return run(['import', join(folder, name)])
    })

  function expectRoot(answer: RawAnswer, tree: ContentTree): void {
    expect(answer.status).toBe(200)
    expect(answer.headers['x-ipfs-roots']).toMatch(new RegExp(`^${tree.root.toString()}\\b`))
    expect(answer.headers.warning).toBeUndefined()
  }

  test('leads to its root where no source knows the name, and a newer one at once to the next', async () => {
    await withSource()
    expect((await pull()).status).toBe(503)
    const imported = await importRecord(await key.record({ value: valueOf(OLD), sequence: 1n }))
    expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining(valueOf(OLD)) })
    expectRoot(await pull(), OLD)
    await importRecord(await key.record({ value: valueOf(NEW), sequence: 2n }))
    expectRoot(await pull(), NEW)
    const older = await importRecord(await key.record({ value: valueOf(OLD), sequence: 1n }))
    expect(older).toMatchObject({ code: 1, stderr: expect.stringContaining('is older than the one') })
    await stop()
    await withSource()
    expectRoot(await pull(), NEW)
  })

  test('is given to other gateways as it was signed', async () => {
    const record = await key.record({ value: valueOf(OLD), ttl: 120 })
    await importRecord(record, `${key.name.text}_old.ipns-record`)
    await start()
    const answer = await get(`/ipns/${key.name.text}?format=ipns-record`)
    expect(answer.body.equals(record)).toBe(true)
    expect(answer.headers['cache-control']).toContain('max-age=120')
  })

  test('from a pipe needs the name of its key', async () => {
    const record = Buffer.from(await key.record({ value: valueOf(OLD) }))
    await inTemporaryFolder(async (folder) => {
      const file = join(folder, 'record')
      await writeFile(file, record)
      const piped = (name: string): Promise<Ran> =>
        run(['import', '-', '--name', name], { stdin: createReadStream(file) })
      expect((await piped(key.name.text)).code).toBe(0)
      expect(await piped('images.example')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('is no IPNS key'),
      })
    })
  })

  test('that was imported keeps nobody from learning of a newer one', async () => {
    await importRecord(await key.record({ value: valueOf(OLD), sequence: 1n, ttl: 0 }))
    await withSource()
    expectRoot(await pull(), OLD)
    source.records.set(key.name.text, await key.record({ value: valueOf(NEW), sequence: 2n, ttl: 0 }))
    expectRoot(await pull(), NEW)
    source.records.delete(key.name.text)
    expectRoot(await pull(), NEW)
  })

  test('that was fetched is given to others, but stands for nothing by itself', async () => {
    await start({ source: ['embedded', `gateway=${source.url}`], 'ipns-stale': '0' })
    const record = await key.record({ value: valueOf(OLD), ttl: 0 })
    source.records.set(key.name.text, record)
    expectRoot(await pull(), OLD)
    // Nobody waits for it to be written.
    await until(async () => (await get(`/ipns/${key.name.text}?format=ipns-record`)).body.equals(record))
    source.records.delete(key.name.text)
    expect((await pull()).status).toBe(503)
  })
})
