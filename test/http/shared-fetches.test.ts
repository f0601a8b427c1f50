import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Flags } from '../../src/config/load.ts'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import { until } from '../fixtures/blob-store.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import { ask, begin, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { reply, replyJson, startStubServer, type StubServer } from '../fixtures/stub-upstream.ts'
import { startUpstreamRegistry, type UpstreamRegistry } from '../fixtures/upstream-registry.ts'

/** More than is held back of a blob, or kept in memory of one. */
const LARGE = 700 * 1024
const ROOT = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'

let folder: Awaited<ReturnType<typeof storeFolder>>
let upstream: UpstreamRegistry
/** A gateway of IPFS that is believed; its root holds what `files` holds. */
let ipfs: StubServer
let files: Map<string, Uint8Array>
/** Whether it answers nothing about blobs. */
let hangs: (path: string) => boolean
let gateway: ServedGateway
let image: Descriptor
let layer: Descriptor

beforeEach(async () => {
  folder = await storeFolder()
  upstream = await startUpstreamRegistry()
  const bytes = patternBytes(LARGE, 1)
  image = upstream.images.image({ layers: [bytes] })
  layer = upstream.images.blob(bytes, 'application/layer')
  upstream.push('library/alpine', '3.19', image)
  upstream.push('team/app', '3.19', upstream.images.image({ content: 'app' }))
  files = new Map()
  hangs = () => false
  ipfs = await startStubServer(({ method, url }, response) => {
    const path = (url.split('?')[0] ?? '').slice(`/ipfs/${ROOT}/`.length)
    if (hangs(path)) return
    const file = files.get(path)
    if (file === undefined) return replyJson(response, 404, { message: 'no link named' })
    if (method === 'HEAD') response.writeHead(200, { 'content-length': file.length }).end()
    else reply(response, 200, {}, file)
  })
})

afterEach(async () => {
  await gateway.stop()
  await upstream.close()
  await ipfs.close()
  await folder.remove()
})

async function start(flags: Flags = {}): Promise<void> {
  gateway = await startServedGateway(folder.path, {
    source: [`trusted-gateway=${ipfs.url}`],
    upstream: [`docker.io=${upstream.server.url}`],
    ...flags,
  })
}

const get = (path: string): Promise<RawAnswer> => ask(gateway.port, path)
const manifest = (reference = '3.19', name = 'library/alpine'): string => `/v2/${name}/manifests/${reference}`
const blob = ({ digest }: Descriptor, name = 'library/alpine'): string => `/v2/${name}/blobs/${digest}`
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

describe('a repository that does not hold a blob', () => {
  test('is given none of it when it is asked for at the same time as one that does', async () => {
    await start()
    const [held, other] = await Promise.all([get(blob(layer)), get(blob(layer, 'team/app'))])
    expect(sha256(held.body)).toBe(layer.digest)
    expect([other.status, errorOf(other).code]).toEqual([404, 'BLOB_UNKNOWN'])
  })

  test('does not spoil it for one that does', async () => {
    await start()
    await get(manifest())
    let answerOther = (): void => undefined
    upstream.fault = (request, response, answer) => {
      if (!request.url.startsWith('/v2/team/')) return answer(request, response)
      answerOther = () => void answer(request, response)
      return undefined
    }
    const other = get(blob(layer, 'team/app'))
    await until(() => upstream.server.asked('/v2/team/').length > 0)
    const held = get(blob(layer))
    await until(() => upstream.server.asked(blob(layer)).length > 0)
    answerOther()
    expect((await other).status).toBe(404)
    expect(sha256((await held).body)).toBe(layer.digest)
  })

  test('is given none of it that is on its way from an upstream, when it is on IPFS', async () => {
    files.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] })))
    await start()
    upstream.fault = (_, response) => {
      response.writeHead(200, { 'content-length': LARGE })
      response.write(patternBytes(LARGE, 1).subarray(0, 400_000))
    }
    const open = await begin(gateway.port, blob(layer))
    const answer = await begin(gateway.port, blob(layer, `ipfs/${ROOT}`))
    expect([404, 503]).toContain(answer.statusCode)
    answer.destroy()
    open.destroy()
  })
})

describe('a mapped name', () => {
  const mapped = async (order: string, flags: Flags = {}): Promise<void> => {
    const path = join(folder.path, 'names.yaml')
    await writeFile(path, `names: [{ name: docker.io/library/alpine, ipfs: /ipfs/${ROOT}, order: ${order} }]`)
    await start({ map: path, 'map-wait': '100ms', ...flags })
  }

  test('has its blobs from the upstream when IPFS hangs', async () => {
    upstream.images.list(image, { ref: '3.19' })
    for (const [path, bytes] of upstream.images.files()) files.set(path, bytes)
    hangs = (path) => path.endsWith(layer.digest.slice(7))
    await mapped('ipfs-first')
    expect((await get(manifest())).status).toBe(200)
    const answer = await get(blob(layer))
    expect([answer.status, sha256(answer.body)]).toEqual([200, layer.digest])
  })

  test('has the referrers that the upstream knows when IPFS hangs', async () => {
    hangs = () => true
    await mapped('ipfs-first', { 'answer-timeout': '10m' })
    const answer = await get(`/v2/library/alpine/referrers/${image.digest}`)
    expect(answer.status).toBe(200)
  })

  test('has its blobs from IPFS when the upstream hangs', async () => {
    upstream.images.list(image, { ref: '3.19' })
    for (const [path, bytes] of upstream.images.files()) files.set(path, bytes)
    await mapped('upstream-first')
    expect((await get(manifest())).status).toBe(200)
    upstream.fault = () => undefined
    const answer = await get(blob(layer))
    expect([answer.status, sha256(answer.body)]).toEqual([200, layer.digest])
  })
})
