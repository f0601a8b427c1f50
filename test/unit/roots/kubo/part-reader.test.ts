import { expect, test } from '@jest/globals'
import { PartReader } from '../../../../src/roots/kubo/part-reader.ts'
import { brokenPart, heldPart, partOf, seededBytes } from '../../../fixtures/upload-parts.ts'

const MiB = 1024 * 1024
const { signal } = new AbortController()
const HOUR = 3_600_000

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(Buffer.from(piece))
  return Buffer.concat(all)
}

async function segmentsOf(reader: PartReader, limits: { bytes: number; time: number }): Promise<Buffer[]> {
  const segments: Buffer[] = []
  while (await reader.more()) segments.push(await collect(reader.segment(limits)))
  return segments
}

test('cuts at whole leaves, and loses nothing', async () => {
  const bytes = seededBytes('cut', 5 * MiB + 7)
  const segments = await segmentsOf(new PartReader(partOf(bytes), signal), { bytes: 2 * MiB, time: HOUR })
  expect(segments.map(({ length }) => length)).toEqual([2 * MiB, 2 * MiB, MiB + 7])
  expect(Buffer.concat(segments).equals(bytes)).toBe(true)
})

test('gives no segment of nothing', async () => {
  expect(await segmentsOf(new PartReader(partOf(Buffer.alloc(0)), signal), { bytes: MiB, time: 1 })).toEqual(
    [],
  )
  const exact = await segmentsOf(new PartReader(partOf(seededBytes('exact', MiB)), signal), {
    bytes: MiB,
    time: HOUR,
  })
  expect(exact).toHaveLength(1)
})

test('ends a segment in time when the client stalls, and goes on with the next', async () => {
  const bytes = seededBytes('stalled', 2 * MiB)
  const { part, release } = heldPart(bytes, MiB + 10)
  const reader = new PartReader(part, signal)
  await reader.more()
  const first = await collect(reader.segment({ bytes: 8 * MiB, time: 20 }))
  expect(first.equals(bytes.subarray(0, first.length))).toBe(true)
  expect(first.length).toBeLessThanOrEqual(MiB + 10)
  release()
  const rest = await segmentsOf(reader, { bytes: 8 * MiB, time: HOUR })
  expect(Buffer.concat([first, ...rest]).equals(bytes)).toBe(true)
})

test('holds a part to its length', async () => {
  const bytes = seededBytes('length', 100)
  const short = new PartReader(partOf(bytes, { length: 101 }), signal)
  await segmentsOf(short, { bytes: MiB, time: HOUR })
  expect(() => short.expectWhole()).toThrow(expect.objectContaining({ code: 'UPLOAD_INVALID' }))
  const long = new PartReader(partOf(bytes, { length: 99 }), signal)
  await expect(long.more()).rejects.toMatchObject({ code: 'UPLOAD_INVALID' })
})

test('throws what the client does, and the reason of an abort', async () => {
  const broken = new PartReader(brokenPart(seededBytes('broken', 100), 50), signal)
  await expect(segmentsOf(broken, { bytes: MiB, time: HOUR })).rejects.toThrow('the client broke off')
  const leaving = new AbortController()
  const waiting = new PartReader(heldPart(Buffer.alloc(10), 0).part, leaving.signal)
  const more = waiting.more()
  leaving.abort(new Error('gone'))
  await expect(more).rejects.toThrow('gone')
  waiting.close()
})
