import { mkdir, open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { CarReader } from '@ipld/car'
import { createProgram } from '../../src/wiring.ts'
import { itemsIn } from '../fixtures/archives.ts'
import { commandLine, type Ran } from '../fixtures/command-line.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import { inTemporaryFolder, writeFiles } from '../fixtures/folders.ts'
import { LayoutBuilder, sideBySide, type LayoutFiles } from '../fixtures/layouts.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'

const layout = new LayoutBuilder()
/** Larger than what a source holds back, a block and every buffer. */
const layer = patternBytes(3_000_000)
const image = layout.image({ layers: ['small', layer] })
const files = layout.list(image, { ref: 'v1' }).files()
const tree = sideBySide({ app: files })
const layerPath = `blobs/${layout.blob(layer, '').digest.replace(':', '/')}`

let store: Awaited<ReturnType<typeof storeFolder>>
let root: string
const gateways: ServedGateway[] = []

beforeEach(async () => {
  store = await storeFolder()
  root = await publish(store.path, tree)
})

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop()
  await store.remove()
})

/** A command of another process, as far as it can tell. */
function run(argv: readonly string[], stdout?: Writable): Promise<Ran> {
  return commandLine({ argv, program: createProgram(), ...(stdout === undefined ? {} : { stdout }) })
}

async function publish(to: string, content: LayoutFiles): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    await writeFiles(folder, content)
    const { stdout, stderr } = await run(['publish', folder, '--store', to])
    expect(stderr).toBe('')
    return stdout.split('\n')[0] ?? ''
  })
}

async function serve(path: string, ...sources: string[]): Promise<ServedGateway> {
  const gateway = await startServedGateway(path, { source: sources })
  gateways.push(gateway)
  return gateway
}

interface Written extends Ran {
  readonly bytes: Buffer
}

/** Export to stdout. */
async function exported(
  path: string,
  flags: readonly string[],
  settings: readonly string[],
): Promise<Written> {
  const pieces: Buffer[] = []
  const stdout = new Writable({
    write: (piece: Buffer, _, done) => {
      pieces.push(Buffer.from(piece))
      done()
    },
  })
  const ran = await run(['export', path, ...flags, ...settings], stdout)
  return { ...ran, bytes: Buffer.concat(pieces) }
}

const here = (): string[] => ['--store', store.path, '--source', 'embedded']

describe.each(['car', 'oci-archive', 'docker-archive'])('as %s', (format) => {
  test('the bytes are the same each time, from the store, a gateway that holds it, and another that reads from there', async () => {
    const path = `/ipfs/${root}/app`
    const first = await exported(path, ['--format', format], here())
    expect(first).toMatchObject({ code: 0, stderr: '' })
    const holder = await serve(store.path, 'embedded')
    const second = await exported(path, ['--format', format], here())
    expect(second).toMatchObject({ code: 0, stderr: '' })
    expect(second.bytes.equals(first.bytes)).toBe(true)
    const there = ['--store', 'memory', '--source', `gateway=http://127.0.0.1:${holder.port}`]
    const third = await exported(path, ['--format', format], there)
    expect(third).toMatchObject({ code: 0, stderr: '' })
    expect(third.bytes.equals(first.bytes)).toBe(true)
  })

  test('a file has them as well', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = `/ipfs/${root}/app`
      const { bytes } = await exported(path, ['--format', format], here())
      const output = join(folder, 'out')
      const { code, stdout } = await run([
        'export',
        path,
        '--format',
        format,
        '-o',
        output,
        '--json',
        ...here(),
      ])
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ source: path, format, output, bytes: bytes.length })
      expect((await readFile(output)).equals(bytes)).toBe(true)
      expect(await readdir(folder)).toEqual(['out'])
    })
  })
})

test('an exported layout published again has the root it had', async () => {
  await inTemporaryFolder(async (folder) => {
    const output = join(folder, 'images', 'app')
    await mkdir(join(folder, 'images'))
    const { code } = await run(['export', `/ipfs/${root}/app`, '--format', 'oci', '-o', output, ...here()])
    expect(code).toBe(0)
    const other = join(folder, 'store')
    const { stdout } = await run(['publish', join(folder, 'images'), '--store', other])
    expect(stdout.split('\n')[0]).toBe(root)
  })
})

test('a CAR that another store imports is pulled from there', async () => {
  await inTemporaryFolder(async (folder) => {
    const car = join(folder, 'app.car')
    await run(['export', `/ipfs/${root}`, '-o', car, ...here()])
    const other = join(folder, 'store')
    expect((await run(['import', car, '--store', other])).code).toBe(0)
    const { port } = await serve(other, 'embedded')
    const manifest = await ask(port, `/v2/ipfs/${root}/app/manifests/v1`)
    expect(manifest.headers['docker-content-digest']).toBe(image.digest)
    const blob = await ask(port, `/v2/ipfs/${root}/app/${layerPath.replace('sha256/', 'sha256:')}`)
    expect(blob.body.equals(Buffer.from(layer))).toBe(true)
  })
})

test('a CAR has the DAG of what the path leads to, that as its root', async () => {
  const { bytes } = await exported(`/ipfs/${root}/app/blobs`, [], here())
  const car = await CarReader.fromBytes(bytes)
  const roots = await car.getRoots()
  expect(roots).toHaveLength(1)
  const cids: string[] = []
  for await (const { cid } of car.blocks()) cids.push(cid.toString())
  expect(cids[0]).toBe(roots[0]?.toString())
  expect(new Set(cids).size).toBe(cids.length)
  const whole = await CarReader.fromBytes((await exported(`/ipfs/${root}`, [], here())).bytes)
  expect((await whole.getRoots()).map(String)).toEqual([root])
  for (const cid of roots) expect(await whole.has(cid)).toBe(true)
})

test('a docker-archive has the name of the path', async () => {
  const { bytes } = await exported(`/ipfs/${root}/app:v1`, ['--format', 'docker-archive'], here())
  const [manifest] = await itemsIn(bytes)
  expect(JSON.parse(manifest?.content.toString() ?? '')).toMatchObject([{ RepoTags: ['app:v1'] }])
})

describe.each(['in the store', 'in the store that a gateway holds'])('a blob damaged %s', (where) => {
  beforeEach(async () => {
    const hex = layerPath.split('/').at(-1) ?? ''
    const file = await open(join(store.path, 'blobs/sha256', hex.slice(0, 2), hex), 'r+')
    await file.write(Buffer.of(0, 0, 0, 0), 0, 4, 2_500_000)
    await file.close()
    if (where.includes('gateway')) await serve(store.path, 'embedded')
  })

  test.each(['car', 'oci', 'oci-archive', 'docker-archive'])('leaves no %s, and is told', async (format) => {
    await inTemporaryFolder(async (folder) => {
      const flags = ['--format', format, '-o', join(folder, 'out')]
      const { code, stdout, stderr } = await run(['export', `/ipfs/${root}/app`, ...flags, ...here()])
      expect(code).toBe(1)
      expect(stdout).toBe('')
      expect(stderr).toMatch(/^ipfs-registry: .+\n$/)
      expect(await readdir(folder)).toEqual([])
    })
  })

  test.each(['car', 'oci-archive', 'docker-archive'])(
    'leaves a %s on stdout that no reader takes',
    async (format) => {
      const { code, bytes } = await exported(`/ipfs/${root}/app`, ['--format', format], here())
      expect(code).toBe(1)
      expect(bytes.length).toBeGreaterThan(1_000_000)
      const reading = format === 'car' ? CarReader.fromBytes(bytes) : itemsIn(bytes)
      await expect(reading).rejects.toThrow()
    },
  )
})

test('a gateway that ends in the middle is a failure', async () => {
  const gateway = await serve(store.path, 'embedded')
  let bytes = 0
  const stdout = new Writable({
    write: (piece: Buffer, _, done) => {
      bytes += piece.length
      if (bytes < 500_000) done()
      else void gateway.stop().then(() => done())
    },
  })
  const { code, stderr } = await run(['export', `/ipfs/${root}/app`, ...here()], stdout)
  expect(code).toBe(1)
  expect(stderr).toContain('the gateway that holds the store ended')
  expect(bytes).toBeLessThan(3_000_000)
  gateways.splice(0)
})

test('what nobody has is told, through a gateway too', async () => {
  const nobody = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
  for (const format of ['car', 'oci-archive']) {
    const { code, bytes, stderr } = await exported(`/ipfs/${nobody}`, ['--format', format], here())
    expect(code).toBe(1)
    expect(stderr).toMatch(/^ipfs-registry: /)
    expect(bytes.length).toBeLessThan(200)
  }
  await serve(store.path, 'embedded')
  const { code, stderr } = await exported(`/ipfs/${root}/app:nope`, ['--format', 'oci-archive'], here())
  expect(code).toBe(1)
  expect(stderr).toContain('no tag "nope"; it has latest, v1')
})

test.each([
  ['app', 'NAME_INVALID: neither IPFS nor IPNS'],
  ['/ipfs/<root>/app:v1', 'a tag of a CAR'],
])('%s is wrong use: %s', async (path) => {
  const { code, bytes } = await exported(path.replace('<root>', root), [], here())
  expect(code).toBe(2)
  expect(bytes.length).toBe(0)
})

test('what the deny list has is not exported, whatever path leads there', async () => {
  const car = await CarReader.fromBytes((await exported(`/ipfs/${root}/app`, [], here())).bytes)
  for (const denied of [root, ...(await car.getRoots()).map(String)]) {
    const settings = [...here(), '--deny', `/ipfs/${denied}`]
    const { code, stderr, bytes } = await exported(`/ipfs/${root}/app`, [], settings)
    expect(code).toBe(1)
    expect(stderr).toContain('deny list')
    expect(bytes.length).toBe(0)
  }
})

test('a platform that was asked for is not replaced by another', async () => {
  const path = `/ipfs/${root}/app:v1`
  const flags = ['--format', 'docker-archive', '--platform', 'linux/s390x']
  const { code, stderr } = await exported(path, flags, here())
  expect(code).toBe(1)
  expect(stderr).toContain('images for linux/amd64')
})

test('what can not be written is told before anything is fetched', async () => {
  await inTemporaryFolder(async (folder) => {
    await writeFiles(folder, files)
    const nobody = '/ipfs/bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
    const { code, stderr } = await run(['export', nobody, '--format', 'oci', '-o', folder, ...here()])
    expect(code).toBe(1)
    expect(stderr).toContain('exists already and is no empty folder')
  })
})
