import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { patternBytes } from '../fixtures/content-tree.ts'
import { damaged } from '../fixtures/controlled-blob.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { startRunningGateway, type RunningGateway } from '../fixtures/running-gateway.ts'

const bytes = Buffer.from(patternBytes(700_000))
const layout = new LayoutBuilder({ algorithm: 'sha512' })
const layer = layout.blob(bytes, 'application/octet-stream')
const image = layout.image({ layers: [bytes] })
const bad = layout.blob('what was meant', 'application/octet-stream')
const files = layout.list(image, { ref: 'v1' }).files()
files.set(`blobs/${bad.digest.replace(':', '/')}`, damaged(Buffer.from('what was meant'), 3))

let gateway: RunningGateway

beforeEach(async () => {
  gateway = await startRunningGateway(files, { cache: 'disk' })
})

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

test.each(['v1', image.digest])('a manifest under sha512, by %s', async (reference) => {
  const answer = await ask(gateway.port, `/v2/${gateway.name}/manifests/${reference}`)
  expect(answer.status).toBe(200)
  expect(answer.headers['docker-content-digest']).toBe(image.digest)
  expect(answer.headers.etag).toBe(`"${image.digest}"`)
  expect(answer.body.length).toBe(image.size)
})

test('a blob under sha512, whole and in part, cold and from disk', async () => {
  const path = `/v2/${gateway.name}/blobs/${layer.digest}`
  for (const requests of [2, 2]) {
    const answer = await ask(gateway.port, path)
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([200, layer.digest])
    expect(answer.body.equals(bytes)).toBe(true)
    expect(gateway.sources[0]?.requests).toHaveLength(requests)
  }
  const part = await ask(gateway.port, path, { headers: { range: 'bytes=300000-300009' } })
  expect(part.status).toBe(206)
  expect(part.body.equals(bytes.subarray(300_000, 300_010))).toBe(true)
  expect(gateway.sources[0]?.requests).toHaveLength(2)
})

test('bytes that are not of their sha512 are refused', async () => {
  const answer = await ask(gateway.port, `/v2/${gateway.name}/blobs/${bad.digest}`)
  expect([answer.status, errorOf(answer).code]).toEqual([502, 'DIGEST_INVALID'])
})
