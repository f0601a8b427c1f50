import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { until } from '../fixtures/blob-store.ts'
import { patternBytes } from '../fixtures/content-tree.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { deferred } from '../fixtures/name-lookups.ts'
import { ask, begin, errorOf, finish } from '../fixtures/raw-request.ts'
import { openSocket, wireRequest } from '../fixtures/raw-socket.ts'
import { startRunningGateway, type RunningGateway } from '../fixtures/running-gateway.ts'

/** More than is kept in memory before a disk; without one, it fits. */
const bytes = Buffer.from(patternBytes(6 * 1024 * 1024))
/** More than sockets and memory hold for one who does not read. */
const largeBytes = Buffer.from(patternBytes(24 * 1024 * 1024, 2))
const layout = new LayoutBuilder()
const blob = layout.blob(bytes, 'application/octet-stream')
const large = layout.blob(largeBytes, 'application/octet-stream')
const small = layout.blob('a small blob', 'application/octet-stream')
const image = layout.image()
const files = layout.list(image, { ref: 'v1' }).files()

// Many megabytes for each test.
jest.setTimeout(60_000)

let gateway: RunningGateway

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

const blobPath = (digest: string = blob.digest): string => `/v2/${gateway.name}/blobs/${digest}`

function fetchesOf(digest: string): number {
  const hex = digest.slice('sha256:'.length)
  return gateway.sources.flatMap(({ requests }) => requests).filter(({ url }) => url.includes(hex)).length
}

/** The blob does not come before as many clients have asked for it. */
function holdFor(clients: number): void {
  const [source] = gateway.sources
  if (source === undefined) throw new Error('there is no source')
  const hold = until(() => gateway.arrived() === clients && fetchesOf(blob.digest) > 0)
  source.faults = { hold, when: ({ path }) => path.includes(blob.digest.slice(7)) }
}

describe.each(['disk', 'memory'] as const)('with a cache %s', (cache) => {
  test('twenty who want the same cold blob cost one fetch', async () => {
    gateway = await startRunningGateway(files, { cache })
    holdFor(20)
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(gateway.port, blobPath())))
    for (const answer of answers) {
      expect(answer.status).toBe(200)
      expect(answer.complete).toBe(true)
      expect(answer.body.equals(bytes)).toBe(true)
    }
    expect(fetchesOf(blob.digest)).toBe(1)
  })

  test('the first client may leave: the second gets all', async () => {
    gateway = await startRunningGateway(files, { cache })
    holdFor(2)
    const [first, second] = await Promise.all([
      begin(gateway.port, blobPath()),
      begin(gateway.port, blobPath()),
    ])
    await once(first, 'readable')
    first.destroy()
    const answer = await finish(second)
    expect(answer.complete).toBe(true)
    expect(answer.body.equals(bytes)).toBe(true)
    expect(fetchesOf(blob.digest)).toBe(1)
  })

  test('one who does not read stalls nobody', async () => {
    gateway = await startRunningGateway(files, { cache })
    const slow = await begin(gateway.port, blobPath(large.digest))
    slow.pause()
    const other = await ask(gateway.port, blobPath(small.digest))
    expect(other.body.toString()).toBe('a small blob')
    const same = await ask(gateway.port, blobPath(large.digest))
    expect(same.complete).toBe(true)
    expect(same.body.equals(largeBytes)).toBe(true)
    const late = await finish(slow)
    expect(late.complete).toBe(true)
    expect(late.body.equals(largeBytes)).toBe(true)
  })
})

test('more fetches at once than allowed are refused, and later ones are not', async () => {
  gateway = await startRunningGateway(files, { maxFills: 1 })
  const [source] = gateway.sources
  if (source === undefined) throw new Error('there is no source')
  const { promise, resolve } = deferred<void>()
  // Known, so that only blobs are asked for from now on.
  expect((await ask(gateway.port, `/v2/${gateway.name}/manifests/v1`)).status).toBe(200)
  await until(() => gateway.fetches() === 0)
  source.faults = { hold: promise }
  const held = ask(gateway.port, blobPath())
  await until(() => fetchesOf(blob.digest) === 1)
  const refused = await ask(gateway.port, blobPath(small.digest))
  expect(refused.status).toBe(503)
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect(errorOf(refused).code).toBe('UNAVAILABLE')
  expect(fetchesOf(small.digest)).toBe(0)
  resolve()
  expect((await held).body.equals(bytes)).toBe(true)
  await until(() => gateway.fetches() === 0)
  expect((await ask(gateway.port, blobPath(small.digest))).status).toBe(200)
})

test('a client that takes nothing of a blob is let go', async () => {
  gateway = await startRunningGateway(files, { clientStallTimeout: 300 })
  const stalled = await begin(gateway.port, blobPath(large.digest))
  stalled.pause()
  while (gateway.underWay() > 0) await delay(20)
  expect((await finish(stalled)).complete).toBe(false)
  const other = await ask(gateway.port, blobPath(large.digest))
  expect(other.complete).toBe(true)
})

test('a client that leaves gives up all that it has asked for on its connection', async () => {
  gateway = await startRunningGateway(files)
  expect((await ask(gateway.port, `/v2/${gateway.name}/manifests/v1`)).status).toBe(200)
  const [source] = gateway.sources
  if (source === undefined) throw new Error('there is no source')
  const { promise, resolve } = deferred<void>()
  source.faults = { hold: promise }
  const leaving = await openSocket(gateway.port)
  // All but the first wait for it, those that are ready too.
  leaving.send(wireRequest(blobPath()) + wireRequest('/v2/').repeat(4) + wireRequest(blobPath()))
  await until(() => gateway.underWay() === 6)
  leaving.socket.destroy()
  await until(() => gateway.underWay() === 0)
  resolve()
})

test('a client that takes nothing of its manifests is let go', async () => {
  const layout = new LayoutBuilder()
  const annotations = { filling: 'x'.repeat(3_900_000) }
  layout.list(layout.image({ annotations }), { ref: 'v1' })
  gateway = await startRunningGateway(layout.files(), { clientStallTimeout: 300 })
  const path = `/v2/${gateway.name}/manifests/v1`
  expect((await ask(gateway.port, path)).status).toBe(200)
  const stalled = await openSocket(gateway.port)
  stalled.socket.pause()
  // More than the buffers of the system take.
  stalled.send(wireRequest(path).repeat(16))
  await until(() => gateway.arrived() > 1)
  await until(() => gateway.underWay() === 0)
  stalled.socket.resume()
  expect(Buffer.byteLength(await stalled.ended(), 'latin1')).toBeLessThan(16 * 3_900_000)
})

describe('a source that takes its time', () => {
  test.each(['manifests', 'blobs'])('%s: no answer in time, then what came meanwhile', async (kind) => {
    gateway = await startRunningGateway(files, { answerTimeout: 300 })
    const [source] = gateway.sources
    if (source === undefined) throw new Error('there is no source')
    const digest = kind === 'blobs' ? small.digest : image.digest
    // Known, so that only the object itself is awaited.
    while ((await ask(gateway.port, blobPath(large.digest), { method: 'HEAD' })).status !== 200);
    const path = `/v2/${gateway.name}/${kind}/${digest}`
    const { promise, resolve } = deferred<void>()
    source.faults = { hold: promise, times: 1 }
    const late = await ask(gateway.port, path)
    expect(late.status).toBe(504)
    expect(late.headers['content-type']).toBe('application/json')
    expect(errorOf(late).code).toBe('UNAVAILABLE')
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(0)
    resolve()
    let answer = await ask(gateway.port, path)
    while (answer.status === 504) answer = await ask(gateway.port, path)
    expect(answer.status).toBe(200)
    expect(fetchesOf(digest)).toBe(1)
  })

  test('a layout that comes too late for one is there for the next', async () => {
    gateway = await startRunningGateway(files, { answerTimeout: 300 })
    const [source] = gateway.sources
    if (source === undefined) throw new Error('there is no source')
    const { promise, resolve } = deferred<void>()
    source.faults = { hold: promise, times: 1 }
    const path = `/v2/${gateway.name}/manifests/v1`
    const late = await ask(gateway.port, path)
    expect(late.status).toBe(504)
    resolve()
    let answer = await ask(gateway.port, path)
    while (answer.status === 504) answer = await ask(gateway.port, path)
    expect(answer.status).toBe(200)
    expect(source.requests.filter(({ url }) => url.includes('index.json')).length).toBe(1)
  })

  test('a folder without a layout is said to be none, with what is there', async () => {
    gateway = await startRunningGateway(
      new Map([
        ['readme.txt', Buffer.from('no layout')],
        ['folder/file.txt', Buffer.from('neither')],
      ]),
    )
    const answer = await ask(gateway.port, `/v2/${gateway.name}/manifests/latest`)
    expect(answer.status).toBe(404)
    const { code, detail } = errorOf(answer)
    expect(code).toBe('NAME_UNKNOWN')
    expect((detail as { available: string[] }).available).toEqual(
      expect.arrayContaining(['folder', 'readme.txt']),
    )
    const asked = gateway.sources[0]?.requests.length
    expect((await ask(gateway.port, `/v2/${gateway.name}/manifests/latest`)).status).toBe(404)
    expect(gateway.sources[0]?.requests.length).toBe(asked)
  })
})
