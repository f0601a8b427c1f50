import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Digest } from '../../../../src/reference/digest.ts'
import type { Swept } from '../../../../src/roots/embedded/sweep.ts'
import { commitFiles, pushBlob, RootsFolder, type OpenedRoots } from '../../../fixtures/embedded-roots.ts'
import { digestOfBytes } from '../../../fixtures/layouts.ts'

const HOUR = 3_600_000
const { signal } = new AbortController()
const place = { root: 'home', repository: 'app' }
const BLOB = Buffer.alloc(2_000_000, 'blob')

let folder: RootsFolder
let store: OpenedRoots
let clock: number

beforeEach(async () => {
  clock = 1_800_000_000_000
  folder = await RootsFolder.create()
  store = await open(3)
})

afterEach(() => folder.remove())

const open = (history: number): Promise<OpenedRoots> =>
  folder.open({ history, now: () => clock, uploadTimeout: HOUR })

async function release(dryRun: boolean): Promise<Swept & { digests: Digest[] }> {
  const digests: Digest[] = []
  const onBlob = ({ digest }: { digest: Digest }): void => void digests.push(digest)
  return { ...(await store.roots.release({ dryRun, onBlob, signal })), digests }
}

test('staged blobs go when their time is over; a dry run says so and leaves them', async () => {
  await pushBlob(store.roots, place, BLOB)
  clock += HOUR - 1
  expect((await release(true)).digests).toEqual([])
  expect((await release(false)).digests).toEqual([])
  clock += 1
  const told = await release(true)
  expect(told.digests).toEqual([digestOfBytes(BLOB)])
  expect(await store.roots.staged.find(place, digestOfBytes(BLOB), signal)).toBeDefined()
  // Asking for it has staged it anew.
  expect((await release(true)).digests).toEqual([])
  clock += HOUR
  expect(await release(false)).toEqual(told)
  expect(await store.roots.staged.find(place, digestOfBytes(BLOB), signal)).toBeUndefined()
})

test('versions beyond the history go, of each root by itself', async () => {
  const file = await pushBlob(store.roots, place, BLOB)
  await commitFiles(store.roots, 'home', { 'a/large': file, 'a/index.json': 'one' })
  await commitFiles(store.roots, 'home', { 'a/index.json': 'two' })
  await commitFiles(store.roots, 'team', { 'a/index.json': 'other' })
  clock += HOUR
  expect((await release(false)).digests).toEqual([])
  store = await open(1)
  const told = await release(true)
  expect(told.digests).toEqual([digestOfBytes(BLOB)])
  expect(await release(false)).toEqual(told)
  store = await open(3)
  const numbers = async (root: string): Promise<number[]> =>
    (await store.roots.versions.history(root, signal)).map(({ number }) => number)
  expect(await numbers('home')).toEqual([2])
  expect(await numbers('team')).toEqual([1])
  expect([...(await store.roots.roots(signal))].sort()).toEqual(['home', 'team'])
})
