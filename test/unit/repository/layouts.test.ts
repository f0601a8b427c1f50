import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { CID } from 'multiformats/cid'
import type { ContentPath, ContentSource, Proof } from '../../../src/content/source.ts'
import { Failure } from '../../../src/errors.ts'
import { parseManifest } from '../../../src/layout/manifest.ts'
import { Layouts } from '../../../src/repository/ipfs/layouts.ts'
import { digestOfBytes, LayoutBuilder, TYPE } from '../../fixtures/layouts.ts'

const path: ContentPath = {
  root: CID.parse('bafybeidixxsiukzjhvans2xkbh3mfzq4vhmou6mzkky5mzamkp6gsxwgve'),
  segments: [],
}
const MINUTE = 60_000
const { signal } = new AbortController()

/** index.json of a layout with this one tag. */
function indexOf(tag: string): Uint8Array {
  const layout = new LayoutBuilder()
  return (
    layout
      .list(layout.image({ content: tag }), { ref: tag })
      .files()
      .get('index.json') ?? new Uint8Array()
  )
}

/** Gives one index.json, until it is told to fail. */
class Indexes implements ContentSource {
  readonly name = 'indexes'
  index = indexOf('v1')
  failure: Failure | undefined
  asked = 0
  readonly proof: Proof

  constructor(proof: Proof) {
    this.proof = proof
  }

  stat = (): Promise<never> => Promise.reject(new Failure('CONTENT_NOT_FOUND', 'nothing to see'))
  list = (): Promise<never[]> => Promise.resolve([])
  healthy = (): Promise<boolean> => Promise.resolve(true)

  open: ContentSource['open'] = () => {
    this.asked += 1
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const { index, proof, name } = this
    const body = (async function* () {
      yield index
    })()
    return Promise.resolve({
      size: index.length,
      cid: undefined,
      proof,
      source: name,
      body,
      discredit: () => undefined,
    })
  }
}

function layoutsOver(content: ContentSource): Layouts {
  return new Layouts({ content, maxIndexSize: 1e6, localSources: new Set(), lingerMs: 1000 })
}

async function tagAt(layouts: Layouts): Promise<string | undefined> {
  const { index } = await layouts.locate(path, signal)
  return index.descriptors[0]?.annotations?.['org.opencontainers.image.ref.name']
}

/** Everything that waits for nothing but promises has happened. */
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  jest.useRealTimers()
})

test('an index that was proved is read once', async () => {
  const content = new Indexes('blocks')
  const layouts = layoutsOver(content)
  await tagAt(layouts)
  jest.setSystemTime(Date.now() + 1000 * MINUTE)
  await tagAt(layouts)
  await idle()
  expect(content.asked).toBe(1)
})

test('an index that is only believed is read again behind the back of whoever asks', async () => {
  const content = new Indexes('none')
  const layouts = layoutsOver(content)
  expect(await tagAt(layouts)).toBe('v1')
  content.index = indexOf('v2')
  jest.setSystemTime(Date.now() + 2 * MINUTE)
  expect(await tagAt(layouts)).toBe('v1')
  await idle()
  expect(await tagAt(layouts)).toBe('v2')
  expect(content.asked).toBe(2)
})

test('and stays as long as no source can be asked, which is tried once a minute', async () => {
  const content = new Indexes('none')
  const layouts = layoutsOver(content)
  await tagAt(layouts)
  content.failure = new Failure('CONTENT_UNAVAILABLE', 'it is down')
  jest.setSystemTime(Date.now() + 2 * MINUTE)
  for (let request = 0; request < 3; request += 1) {
    expect(await tagAt(layouts)).toBe('v1')
    await idle()
  }
  expect(content.asked).toBe(2)
})

test('one that turned out wrong is read again before anything else is said', async () => {
  const content = new Indexes('none')
  const layouts = layoutsOver(content)
  const wrong = await layouts.locate(path, signal)
  content.index = indexOf('v2')
  expect(layouts.doubt(wrong)).toBe(true)
  expect(await tagAt(layouts)).toBe('v2')
})

test('of what a manifest consists of no more is kept than is needed', async () => {
  const layout = await layoutsOver(new Indexes('blocks')).locate(path, signal)
  const digest = digestOfBytes(Buffer.from('one'))
  const other = digestOfBytes(Buffer.from('other'))
  const annotations = { filling: 'x'.repeat(1000) }
  const manifests = [
    { mediaType: TYPE.ociIndex, digest, size: 3, annotations },
    { mediaType: 'x'.repeat(1000), digest: other, size: 5, annotations },
  ]
  const manifest = parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })))
  if (manifest === undefined) throw new Error('it is no manifest')
  layout.known.add(manifest)
  expect([layout.known.get(digest), layout.known.get(other)]).toEqual([
    { mediaType: TYPE.ociIndex, digest, size: 3 },
    { mediaType: '', digest: other, size: 5 },
  ])
})

test('takes no memory for what may still be met in it', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const layouts = layoutsOver(new Indexes('blocks'))
  const locate = (n: number): Promise<unknown> =>
    layouts.locate({ ...path, segments: [`folder-${n}`] }, signal)
  await locate(0)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 1; n <= 500; n += 1) await locate(n)
  collect()
  expect((process.memoryUsage().heapUsed - before) / 500).toBeLessThan(20_000)
})

test('of folders without a layout no more is kept than there is room for', async () => {
  const content = new Indexes('blocks')
  content.failure = new Failure('CONTENT_NOT_FOUND', 'no such file')
  const entries = Array.from({ length: 100 }, (_, n) => ({
    name: String(n).padStart(20_000, 'x'),
    cid: undefined,
  }))
  const layouts = layoutsOver(Object.assign(content, { list: () => Promise.resolve(entries) }))
  const locate = async (n: number): Promise<unknown> =>
    layouts.locate({ ...path, segments: [`folder-${n}`] }, signal).catch((error: unknown) => error)
  const failure = (await locate(0)) as Failure
  const { available } = failure.detail as { available: string[] }
  expect(available).toHaveLength(100)
  for (const name of available) expect(name.length).toBeLessThanOrEqual(256)
  const { asked } = content
  expect(await locate(0)).toBe(failure)
  expect(content.asked).toBe(asked)
  for (let n = 1; n < 1000; n++) await locate(n)
  expect(await locate(0)).not.toBe(failure)
})
