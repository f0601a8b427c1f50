import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import type { Descriptor } from '../../../src/layout/descriptor.ts'
import { parseIndex } from '../../../src/layout/image-index.ts'
import { inspectImages } from '../../../src/layout/inspect.ts'
import { buildReferrers } from '../../../src/layout/referrers.ts'
import { listTags, selectTag } from '../../../src/layout/tags.ts'
import type { LayoutFiles } from '../../fixtures/layouts.ts'
import { LayoutBuilder, TYPE, readerOf } from '../../fixtures/layouts.ts'

const { signal } = new AbortController()

/** Ask everything that looks into manifests, and count the reads of each question. */
async function readsOfAll(files: LayoutFiles): Promise<number[]> {
  const index = parseIndex(files.get('index.json')!)
  const questions = [
    (reader: ReturnType<typeof readerOf>) => selectTag(index, 'latest', '', reader, { signal }),
    (reader: ReturnType<typeof readerOf>) => listTags(index, '', reader, { signal }),
    (reader: ReturnType<typeof readerOf>) => buildReferrers(index, reader, { signal }),
    (reader: ReturnType<typeof readerOf>) => inspectImages(index, reader, { signal }),
  ]
  const counts: number[] = []
  for (const ask of questions) {
    const reader = readerOf(files)
    await ask(reader).catch((error: unknown) => {
      if (!(error instanceof Failure && error.code === 'MANIFEST_UNKNOWN')) throw error
    })
    counts.push(reader.reads.length)
  }
  return counts
}

describe('the work is bounded', () => {
  test('where each index lists the next one very many times', async () => {
    const layout = new LayoutBuilder()
    let inner = layout.image()
    for (let depth = 0; depth < 6; depth++) {
      inner = layout.index(Array.from({ length: 2000 }, () => inner))
    }
    const counts = await readsOfAll(layout.list(inner, { ref: 'v1' }).list(layout.image()).files())
    expect(Math.max(...counts)).toBeLessThanOrEqual(12)
  })

  test('where indexes lie in indexes without end', async () => {
    const layout = new LayoutBuilder()
    let inner = layout.image()
    for (let depth = 0; depth < 500; depth++) inner = layout.index([inner])
    const counts = await readsOfAll(layout.list(inner, { ref: 'v1' }).list(layout.image()).files())
    expect(Math.max(...counts)).toBeLessThanOrEqual(12)
  })

  test('where manifests are huge', async () => {
    const layout = new LayoutBuilder()
    for (let i = 0; i < 40; i++) {
      layout.list(layout.image({ content: `${i}`, annotations: { filler: 'x'.repeat(1024 * 1024) } }))
    }
    const huge = layout.image({ annotations: { filler: 'x'.repeat(9 * 1024 * 1024) } })
    const files = layout.list(huge).files()
    const reader = readerOf(files)
    await buildReferrers(parseIndex(files.get('index.json')!), reader, { signal })
    expect(reader.reads.length).toBeLessThanOrEqual(16)
    expect(reader.reads).not.toContain(huge.digest)
  })

  test('where 10 000 entries do not say what they are', async () => {
    const layout = new LayoutBuilder()
    for (let i = 0; i < 10_000; i++) {
      const digest = `sha256:${i.toString(16).padStart(64, '0')}` as const
      layout.list({ mediaType: TYPE.ociManifest, digest, size: 500 }, { ref: `v${i}`, mediaType: false })
    }
    const [select, tags, referrers, inspected] = await readsOfAll(layout.files())
    expect([select, tags]).toEqual([0, 0])
    expect(Math.max(referrers!, inspected!)).toBeLessThanOrEqual(1024)
  })
})

test('a manifest of another size than its descriptor says is not looked into', async () => {
  const layout = new LayoutBuilder()
  const image = layout.image()
  const referrer: Descriptor = { ...layout.artifact('x/y', image), size: 1 }
  const files = layout.list(image).list(referrer).files()
  const found = await buildReferrers(parseIndex(files.get('index.json')!), readerOf(files), { signal })
  expect([...found.keys()]).toEqual([])
})
