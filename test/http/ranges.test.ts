import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { patternBytes } from '../fixtures/content-tree.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { startRunningGateway, type RunningGateway } from '../fixtures/running-gateway.ts'

const SIZE = 3_000_000
const bytes = Buffer.from(patternBytes(SIZE))
const layout = new LayoutBuilder()
const blob = layout.blob(bytes, 'application/octet-stream')
const empty = layout.blob('', 'application/octet-stream')
layout.list(layout.image(), { ref: 'v1' })

interface Expected {
  readonly range: string
  readonly start: number
  readonly end: number
}

const SATISFIABLE: Expected[] = [
  { range: 'bytes=500-1499', start: 500, end: 1500 },
  { range: 'bytes=500-', start: 500, end: SIZE },
  { range: 'bytes=-500', start: SIZE - 500, end: SIZE },
  { range: `bytes=${SIZE - 1000}-${SIZE + 5000}`, start: SIZE - 1000, end: SIZE },
  { range: 'bytes=0-', start: 0, end: SIZE },
  { range: 'bytes=0-0', start: 0, end: 1 },
  { range: 'bytes=0-1', start: 0, end: 2 },
  { range: 'bytes=1000000-2200000', start: 1_000_000, end: 2_200_001 },
  { range: `bytes=-${SIZE * 2}`, start: 0, end: SIZE },
]
const UNSATISFIABLE = ['bytes=500-0', `bytes=${SIZE}-${SIZE + 1}`, `bytes=${SIZE}-`, 'bytes=-0']
const IGNORED = ['items=0-5', 'bytes=a-b', 'bytes=', 'bytes=-', 'nonsense']

describe.each(['disk', 'memory'] as const)('with a cache %s', (cache) => {
  describe.each(['cold', 'fetched before'])('a blob that is %s', (state) => {
    let gateway: RunningGateway
    let path: string
    const get = (headers: Record<string, string>) => ask(gateway.port, path, { headers })

    beforeAll(async () => {
      gateway = await startRunningGateway(layout.files(), { cache })
      path = `/v2/${gateway.name}/blobs/${blob.digest}`
      if (state !== 'cold') await get({})
    })

    afterAll(async () => {
      expect(gateway.defects).toEqual([])
      await gateway.close()
    })

    test.each(SATISFIABLE)('$range', async ({ range, start, end }) => {
      const answer = await get({ Range: range })
      expect(answer.status).toBe(206)
      expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${SIZE}`)
      expect(answer.headers['content-length']).toBe(String(end - start))
      expect(answer.headers['docker-content-digest']).toBe(blob.digest)
      expect(answer.body.equals(bytes.subarray(start, end))).toBe(true)
    })

    test.each(UNSATISFIABLE)('%s can not be satisfied', async (range) => {
      const answer = await get({ Range: range })
      expect(answer.status).toBe(416)
      expect(answer.headers['content-range']).toBe(`bytes */${SIZE}`)
      expect(errorOf(answer).code).toBe('RANGE_INVALID')
    })

    test.each(IGNORED)('%s is ignored', async (range) => {
      const answer = await get({ Range: range })
      expect(answer.status).toBe(200)
      expect(answer.body.equals(bytes)).toBe(true)
    })

    test('two ranges come as parts, in the order asked for', async () => {
      const answer = await get({ Range: 'bytes=1000-1099,0-0' })
      expect(answer.status).toBe(206)
      expect(partsOf(answer)).toEqual([
        { range: `bytes 1000-1099/${SIZE}`, body: bytes.subarray(1000, 1100) },
        { range: `bytes 0-0/${SIZE}`, body: bytes.subarray(0, 1) },
      ])
    })

    test('300 separate ranges are too many, 300 that overlap are one', async () => {
      const apart = Array.from({ length: 300 }, (_, n) => `${n * 10}-${n * 10 + 1}`)
      const refused = await get({ Range: `bytes=${apart.join(',')}` })
      expect(refused.status).toBe(400)
      expect(errorOf(refused).code).toBe('UNSUPPORTED')
      const together = Array.from({ length: 300 }, (_, n) => `${n * 10}-${n * 10 + 15}`)
      const joined = await get({ Range: `bytes=${together.join(',')}` })
      expect(joined.status).toBe(206)
      expect(joined.headers['content-range']).toBe(`bytes 0-3005/${SIZE}`)
      expect(joined.body.equals(bytes.subarray(0, 3006))).toBe(true)
    })

    test('If-Range decides whether the range is meant', async () => {
      const equal = await get({ Range: 'bytes=5-9', 'If-Range': `"${blob.digest}"` })
      expect(equal.status).toBe(206)
      expect(equal.body.equals(bytes.subarray(5, 10))).toBe(true)
      for (const other of ['"sha256:other"', `W/"${blob.digest}"`, 'Wed, 21 Oct 2026 07:28:00 GMT']) {
        const different = await get({ Range: 'bytes=5-9', 'If-Range': other })
        expect(different.status).toBe(200)
        expect(different.body.equals(bytes)).toBe(true)
      }
    })

    test('HEAD takes no notice of a range', async () => {
      const answer = await ask(gateway.port, path, { method: 'HEAD', headers: { Range: 'bytes=0-1' } })
      expect(answer.status).toBe(200)
      expect(answer.headers['content-length']).toBe(String(SIZE))
      expect(answer.headers['accept-ranges']).toBe('bytes')
    })

    test('a blob without bytes has no range', async () => {
      const at = `/v2/${gateway.name}/blobs/${empty.digest}`
      const whole = await ask(gateway.port, at)
      expect(whole.status).toBe(200)
      expect(whole.headers['content-length']).toBe('0')
      expect(whole.complete).toBe(true)
      const range = await ask(gateway.port, at, { headers: { Range: 'bytes=0-' } })
      expect(range.status).toBe(416)
      expect(range.headers['content-range']).toBe('bytes */0')
    })
  })
})

function partsOf(answer: Awaited<ReturnType<typeof ask>>): { range: string; body: Buffer }[] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers['content-type'] ?? '')?.[1]
  expect(boundary).toBeDefined()
  expect(answer.headers['content-length']).toBe(String(answer.body.length))
  const text = answer.body.toString('latin1')
  expect(text.endsWith(`\r\n--${boundary}--\r\n`)).toBe(true)
  const sections = text.slice(0, -`\r\n--${boundary}--\r\n`.length).split(`--${boundary}\r\n`).slice(1)
  return sections.map((section, index) => {
    const [head = '', ...rest] = section.split('\r\n\r\n')
    expect(head).toContain('Content-Type: application/octet-stream')
    const body = rest.join('\r\n\r\n')
    const own = index === sections.length - 1 ? body : body.slice(0, -2)
    return { range: /Content-Range: (.*)/.exec(head)?.[1] ?? '', body: Buffer.from(own, 'latin1') }
  })
}
