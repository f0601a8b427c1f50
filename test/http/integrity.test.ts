import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { patternBytes } from '../fixtures/content-tree.ts'
import type { GatewayFaults } from '../fixtures/gateway-faults.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import {
  startRunningGateway,
  type RunningGateway,
  type RunningGatewayOptions,
} from '../fixtures/running-gateway.ts'

const SIZE = 10 * 1024 * 1024
const bytes = Buffer.from(patternBytes(SIZE))
const layout = new LayoutBuilder()
const blob = layout.blob(bytes, 'application/octet-stream')
const image = layout.image()
const files = layout.list(image, { ref: 'v1' }).files()
/** A layout of the same digest, in which the last KiB of the file is not what the digest says. */
const wrong = new Map(files)
const damaged = Buffer.from(bytes)
damaged.writeUInt8(damaged.readUInt8(SIZE - 10) ^ 1, SIZE - 10)
wrong.set(`blobs/${blob.digest.replace(':', '/')}`, damaged)

// Many megabytes for each test.
jest.setTimeout(60_000)

let gateway: RunningGateway

async function start(content = files, options: RunningGatewayOptions = {}): Promise<void> {
  gateway = await startRunningGateway(content, options)
}

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

const blobPath = (): string => `/v2/${gateway.name}/blobs/${blob.digest}`
const manifestPath = (): string => `/v2/${gateway.name}/manifests/${image.digest}`
const hexOf = (digest: string): string => digest.slice('sha256:'.length)

function treatBadly(digest: string, faults: GatewayFaults, index = 0): void {
  const source = gateway.sources[index]
  if (source === undefined) throw new Error('there is no such source')
  source.faults = { ...faults, when: ({ path }) => path.includes(hexOf(digest)) }
}

describe.each(['disk', 'memory'] as const)('with a cache %s', (cache) => {
  test.each<[string, GatewayFaults]>([
    ['a flipped bit', { flipBlock: 3 }],
    ['a web page', { html: true }],
  ])('a manifest with %s is refused and not kept', async (_, faults) => {
    await start(files, { cache })
    treatBadly(image.digest, faults)
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const refused = await ask(gateway.port, manifestPath())
      expect(refused.status).toBe(502)
      expect(refused.headers['content-type']).toBe('application/json')
      expect(errorOf(refused).code).toBe('DIGEST_INVALID')
    }
    for (const source of gateway.sources) source.faults = undefined
    const good = await ask(gateway.port, manifestPath())
    expect(good.status).toBe(200)
    expect(good.body.length).toBe(image.size)
  })

  test('a manifest that is not what its digest says is refused', async () => {
    const replaced = new Map(files)
    replaced.set(`blobs/${image.digest.replace(':', '/')}`, Buffer.alloc(image.size, ' '))
    await start(replaced, { cache })
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const refused = await ask(gateway.port, manifestPath())
      expect(refused.status).toBe(502)
      expect(errorOf(refused).code).toBe('DIGEST_INVALID')
    }
  })

  test('a wrong byte at the very end cuts the answer and is not kept', async () => {
    await start(wrong, { cache })
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const answer = await ask(gateway.port, blobPath())
      expect(answer.complete).toBe(false)
      expect(answer.body.length).toBeLessThan(SIZE)
    }
    const asked = gateway.sources[0]?.requests.filter(({ url }) => url.includes(hexOf(blob.digest))) ?? []
    expect(asked.length).toBeGreaterThanOrEqual(2)
  })

  test.each<[string, GatewayFaults]>([
    ['a flipped bit late in it', { flipBlock: 9 }],
    ['a clean end too early', { cutAfter: 5_000_000 }],
    ['a reset', { cutAfter: 5_000_000, cut: 'reset' }],
  ])('a blob with %s is complete only with the right bytes', async (_, faults) => {
    await start(files, { cache, answerTimeout: 2_000 })
    treatBadly(blob.digest, faults)
    const answer = await ask(gateway.port, blobPath())
    if (answer.complete && answer.status === 200) expect(answer.body.equals(bytes)).toBe(true)
    else expect(answer.body.length).toBeLessThan(SIZE)
    for (const source of gateway.sources) source.faults = undefined
    const good = await ask(gateway.port, blobPath())
    expect(good.complete).toBe(true)
    expect(good.body.equals(bytes)).toBe(true)
  })

  test('bytes behind the blob are never passed on', async () => {
    await start(files, { cache })
    treatBadly(blob.digest, { lengthen: 5000 })
    const answer = await ask(gateway.port, blobPath())
    expect(answer.body.equals(bytes.subarray(0, answer.body.length))).toBe(true)
  })

  test.each<[string, GatewayFaults]>([
    ['stalls', { stallAfter: 5_000_000 }],
    ['ends too early', { cutAfter: 5_000_000 }],
    ['breaks', { cutAfter: 5_000_000, cut: 'reset' }],
    ['sends a wrong block', { flipBlock: 6 }],
  ])('where one source %s, the other goes on from there', async (_, faults) => {
    await start(files, { cache, sources: 2, stallTimeout: 300 })
    treatBadly(blob.digest, faults)
    const answer = await ask(gateway.port, blobPath())
    expect(answer.status).toBe(200)
    expect(answer.complete).toBe(true)
    expect(answer.body.equals(bytes)).toBe(true)
    const [, second] = gateway.sources
    const rest = second?.requests.filter(({ url }) => url.includes(hexOf(blob.digest))) ?? []
    expect(rest.length).toBe(1)
    expect(rest[0]?.bytes).toBeLessThan(SIZE - 1_000_000)
  })
})
