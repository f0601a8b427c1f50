import { expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import type { RootStore } from '../../../src/roots/root-store.ts'
import { RootWriter } from '../../../src/roots/root-writer.ts'
import type { TreeView } from '../../../src/roots/root-tree.ts'
import { MemoryBlocks, MemoryVersions } from '../../fixtures/memory-roots.ts'

const { signal } = new AbortController()

function start(): { store: RootStore; versions: MemoryVersions } {
  const blocks = new MemoryBlocks()
  const versions = new MemoryVersions(blocks)
  const absent = {} as RootStore
  return {
    versions,
    store: { name: 'memory', blocks, versions, uploads: absent.uploads, staged: absent.staged },
  }
}

const put = (name: string, text: string) => async () => [{ path: [name], bytes: Buffer.from(text) }]

const textOf = async (tree: TreeView, name: string): Promise<string> =>
  Buffer.from((await tree.file([name], 1024, signal)) ?? []).toString()

/** One more in a file that counts. */
const countUp = async (tree: TreeView) => [
  { path: ['count'], bytes: Buffer.from(String(Number(await textOf(tree, 'count')) + 1)) },
]

test('changes that come together become one version, and each sees those before it', async () => {
  const { store, versions } = start()
  const writer = new RootWriter(store, 'home')
  const all = Array.from({ length: 50 }, () => writer.commit(countUp, signal))
  await Promise.all(all)
  expect(await textOf((await writer.newest(signal))!.tree, 'count')).toBe('50')
  expect(versions.commits).toBe(2)
})

test('of many writers none loses what another has done', async () => {
  const { store } = start()
  const writers = Array.from({ length: 8 }, () => new RootWriter(store, 'home'))
  await Promise.all(
    writers.flatMap((writer) => Array.from({ length: 10 }, () => writer.commit(countUp, signal))),
  )
  for (const writer of writers) {
    expect(await textOf((await writer.newest(signal))!.tree, 'count')).toBe('80')
  }
})

test('what fails fails alone', async () => {
  const { store } = start()
  const writer = new RootWriter(store, 'home')
  const wrong = writer.commit(async () => {
    throw new Failure('MANIFEST_INVALID', 'no')
  }, signal)
  const right = writer.commit(put('a', 'x'), signal)
  await expect(wrong).rejects.toMatchObject({ code: 'MANIFEST_INVALID' })
  expect(await textOf((await right).tree, 'a')).toBe('x')
})

test('what changes nothing makes no version', async () => {
  const { store, versions } = start()
  const writer = new RootWriter(store, 'home')
  await writer.commit(put('a', 'x'), signal)
  const again = await writer.commit(put('a', 'x'), signal)
  const nothing = await writer.commit(async () => [], signal)
  expect([again.version.number, nothing.version.number, versions.commits]).toEqual([1, 1, 1])
})

test('a reader keeps its view while the root goes on', async () => {
  const { store } = start()
  const writer = new RootWriter(store, 'home')
  const before = await writer.commit(put('a', 'x'), signal)
  await writer.commit(put('a', 'y'), signal)
  expect(await textOf(before.tree, 'a')).toBe('x')
  expect(await textOf((await writer.newest(signal))!.tree, 'a')).toBe('y')
})

test('a root that can’t be read is not written to', async () => {
  const { store, versions } = start()
  const writer = new RootWriter(store, 'home')
  await writer.commit(put('a', 'x'), signal)
  versions.head = () => Promise.reject(new Failure('ROOT_UNREADABLE', 'Kubo is down'))
  await expect(writer.commit(put('a', 'y'), signal)).rejects.toMatchObject({ code: 'ROOT_UNREADABLE' })
  expect(versions.commits).toBe(1)
})

test('who has left changes nothing', async () => {
  const { store, versions } = start()
  const writer = new RootWriter(store, 'home')
  const leaving = new AbortController()
  let go: () => void = () => undefined
  versions.before = () => new Promise((resolve) => (go = resolve))
  const first = writer.commit(put('a', 'x'), signal)
  const second = expect(writer.commit(put('b', 'x'), leaving.signal)).rejects.toMatchObject({
    code: 'CONTENT_UNAVAILABLE',
  })
  leaving.abort(new Failure('CONTENT_UNAVAILABLE', 'gone'))
  while (versions.commits === 0) {
    go()
    await new Promise(setImmediate)
  }
  await first
  await second
  expect(await (await writer.newest(signal))!.tree.names([], signal)).toEqual(['a'])
})

test('what fails on a version that is outdated by then is made on the newest', async () => {
  const { store } = start()
  const slow = new RootWriter(store, 'home')
  const fast = new RootWriter(store, 'home')
  await slow.commit(put('a', 'x'), signal)
  let looked = 0
  const { tree } = await slow.commit(async (seen) => {
    looked += 1
    const has = (await seen.link(['needed'], signal)) !== undefined
    // Between the look at the version and the look at what is staged another gateway commits.
    if (looked === 1) await fast.commit(put('needed', 'x'), signal)
    if (!has) throw new Failure('MANIFEST_BLOB_UNKNOWN', 'neither here nor staged')
    return [{ path: ['b'], bytes: Buffer.from('y') }]
  }, signal)
  expect(looked).toBe(2)
  expect(await tree.names([], signal)).toEqual(['a', 'needed', 'b'])
})
