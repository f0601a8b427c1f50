import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { createEmbeddedTarget } from '../../../../src/content/embedded/target.ts'
import type { AddedFile } from '../../../../src/publish/target.ts'
import { commitFiles, pushBlob, RootsFolder, type OpenedRoots } from '../../../fixtures/embedded-roots.ts'
import { digestOfBytes } from '../../../fixtures/layouts.ts'
import { nextVersion } from '../../../fixtures/root-folders.ts'
import { seededBytes } from '../../../fixtures/upload-parts.ts'

const { signal } = new AbortController()
const place = { root: 'home', repository: 'app' }

let folder: RootsFolder
let store: OpenedRoots

beforeEach(async () => {
  folder = await RootsFolder.create()
  store = await folder.open()
})

afterEach(() => folder.remove())

const push = (seed: string) => pushBlob(store.roots, place, seededBytes(seed, 100))

test('a root that can not be read is neither taken for empty nor written to', async () => {
  await commitFiles(store.roots, 'home', { a: 'a' })
  await commitFiles(store.roots, 'other', { a: 'a' })
  const records = store.metadata.sublevel('root-version', {})
  const [key = ''] = await records.keys({ limit: 1 }).all()
  await records.put(key, '{"cid":"bafy')
  store = await folder.open()
  const unreadable = { code: 'ROOT_UNREADABLE', message: /home/ }
  const { versions } = store.roots
  await expect(versions.head('home', signal)).rejects.toMatchObject(unreadable)
  await expect(versions.history('home', signal)).rejects.toMatchObject(unreadable)
  const next = await nextVersion({ b: 'b' })
  await expect(versions.commit('home', undefined, next, signal)).rejects.toMatchObject(unreadable)
  expect((await versions.head('other', signal))?.number).toBe(1)
  // What nobody can tell the roots of, nobody removes.
  await expect(store.roots.collect({ dryRun: false, signal })).rejects.toThrow()
  expect((await commitFiles(store.roots, 'other', { b: 'b' })).number).toBe(2)
})

test('a root whose name begins as that of another has nothing to do with it', async () => {
  await commitFiles(store.roots, 'home', { a: 'a' })
  await commitFiles(store.roots, 'home2', { b: 'b' })
  await commitFiles(store.roots, 'home2', { c: 'c' })
  expect((await store.roots.versions.history('home', signal)).map(({ number }) => number)).toEqual([1])
})

test('what a version has in common with the one before it is not looked at again', async () => {
  const files: Record<string, AddedFile> = {}
  for (let at = 0; at < 30; at++) files[`app/blobs/sha256/${at}`] = await push(`file ${at}`)
  for (let at = 0; at < 30; at++) files[`other/blobs/sha256/${at}`] = await push(`file ${at}`)
  await commitFiles(store.roots, 'home', files)
  const looks = jest.spyOn(store.table, 'file')
  // In a folder whose other files are the same, beside one that is the same as a whole.
  await commitFiles(store.roots, 'home', { ...files, 'app/blobs/sha256/new': await push('new') })
  expect(looks).toHaveBeenCalledTimes(1)
  // A folder that is there under another name is looked at.
  looks.mockClear()
  const moved = Object.fromEntries(
    Object.entries(files).map(([path, file]) => [path.replace('app/', 'moved/'), file]),
  )
  const next = await nextVersion(moved)
  const root = next.blocks.filter(({ cid }) => cid.equals(next.cid))
  const base = await store.roots.versions.head('home', signal)
  await store.roots.versions.commit('home', base, { ...next, blocks: root }, signal)
  expect((await store.roots.versions.head('home', signal))?.number).toBe(3)
})

test('a folder that is left of something else does not count for what was below it', async () => {
  const file = await push('gone')
  const tree = await nextVersion({ 'app/gone': file, 'app/here': 'here' })
  // As of a publishing that was broken off: folders by value, without what is below them.
  await store.table.putBlocks(tree.blocks)
  await store.blobs.discard(digestOfBytes(seededBytes('gone', 100)))
  const root = await nextVersion({ 'app/gone': file, 'app/here': 'here', more: 'more' })
  const blocks = root.blocks.filter((block) => !tree.blocks.some(({ cid }) => cid.equals(block.cid)))
  const trying = store.roots.versions.commit('home', undefined, { ...root, blocks }, signal)
  await expect(trying).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND', message: /bafkrei/ })
  await push('gone')
  expect((await store.roots.versions.commit('home', undefined, { ...root, blocks }, signal))?.number).toBe(1)
})

test('a folder with thousands of files, which is sharded, follows one that is not', async () => {
  const file = await push('the file')
  const names = (count: number) =>
    Array.from({ length: count }, (_, at) => [`app/${at}-${'n'.repeat(60)}`, file])
  await commitFiles(store.roots, 'home', Object.fromEntries(names(1000)))
  const sharded = await commitFiles(store.roots, 'home', Object.fromEntries(names(4000)))
  const looks = jest.spyOn(store.table, 'file')
  await commitFiles(store.roots, 'home', Object.fromEntries(names(4001)))
  expect(sharded.number).toBe(2)
  expect(looks.mock.calls.length).toBeLessThan(5)
})

test('what a version needs and the store only had in its cache stays from then on', async () => {
  const bytes = seededBytes('cached', 900)
  const digest = digestOfBytes(bytes)
  // As of a publishing that was broken off.
  const target = createEmbeddedTarget(store)
  async function* open(): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  const file = await target.addFile({ size: 900, digest, open }, { signal })
  target.release?.()
  expect(store.blobs.published()).toEqual([])
  await commitFiles(store.roots, 'home', { blob: file })
  expect(store.blobs.published()).toEqual([{ digest, size: 900 }])
})
