import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import { Slots } from '../../../src/content/limited.ts'
import type { ContentPath, ContentSource } from '../../../src/content/source.ts'
import { Failure } from '../../../src/errors.ts'
import { FollowedRoot } from '../../../src/follow/followed-root.ts'
import type { Keeper } from '../../../src/follow/keeper.ts'
import type { SavedVersion } from '../../../src/follow/kept-version.ts'
import type { NameResolver } from '../../../src/naming/resolver.ts'

/** A CID of its own for each name. */
function cidOf(name: string): CID {
  return CID.createV1(0x70, Multihash.create(0x12, Buffer.from(name.padEnd(32).slice(0, 32))))
}

const unavailable = new Failure('CONTENT_UNAVAILABLE', 'nobody has it')
const notThere = new Failure('CONTENT_NOT_FOUND', 'nothing is there')

/** Roots by name: repository → name of its layout. A folder of layouts each, one level deep. */
let roots: Record<string, Record<string, string>>
/** Where the name leads: a root, or nobody knows. */
let current: string | undefined
/** A folder that can't be read. */
let unreadable: string | undefined
/** What the keeper did, in order. */
let events: string[]
let held: Set<string>
/** Layouts that can't be fetched. */
let missing: Set<string>
let hanging: Set<string>
let saved: SavedVersion | undefined
let followed: FollowedRoot[]

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
  roots = { one: { app: 'app-1', base: 'base-1' }, two: { app: 'app-2', base: 'base-1' }, none: {} }
  current = 'one'
  unreadable = undefined
  events = []
  held = new Set()
  missing = new Set()
  hanging = new Set()
  saved = undefined
  followed = []
})
afterEach(async () => {
  await Promise.all(followed.map((root) => root.stop()))
  jest.useRealTimers()
})

const nameOf = (cid: CID): string => Buffer.from(cid.multihash.digest).toString().trim()
const pathOf = (name: string): string => `/ipfs/${cidOf(name).toString()}`

const content: ContentSource = {
  name: 'stub',
  proof: 'blocks',
  healthy: () => Promise.resolve(true),
  open: () => Promise.reject(unavailable),
  stat({ root, segments }: ContentPath) {
    const layout = roots[nameOf(root)]?.[segments.join('/')]
    if (layout === undefined) return Promise.reject(notThere)
    return Promise.resolve({ kind: 'directory', size: 0, cid: cidOf(layout), proof: 'blocks' })
  },
  list({ root, segments: [repository, ...rest] }: ContentPath) {
    const repositories = roots[nameOf(root)] ?? {}
    if (repository === undefined) {
      return Promise.resolve(Object.keys(repositories).map((name) => ({ name, cid: undefined })))
    }
    if (repository === unreadable) return Promise.reject(unavailable)
    if (!(repository in repositories) || rest.length > 0) return Promise.reject(notThere)
    return Promise.resolve([{ name: 'index.json', cid: undefined }])
  },
}

const resolver: NameResolver = {
  resolve() {
    if (current === undefined) return Promise.reject(new Failure('NAME_UNRESOLVED', 'nobody knows'))
    const path = { root: cidOf(current), segments: [] }
    return Promise.resolve({ path, maxAge: 1, staleSince: undefined, previous: [] })
  },
}

const keeper: Keeper = {
  held: () => Promise.resolve(new Set(held)),
  async keep(cid, _label, signal) {
    const name = nameOf(cid)
    if (hanging.has(name)) {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(unavailable)))
    }
    if (missing.has(name)) throw unavailable
    events.push(`keep ${name}`)
    held.add(cid.toString())
  },
  release(cid) {
    events.push(`release ${nameOf(cid)}`)
    held.delete(cid.toString())
    return Promise.resolve()
  },
}

async function follow(
  only: readonly string[] = [],
  slots = new Slots('follow', 1, 10),
): Promise<FollowedRoot> {
  const root = new FollowedRoot({
    root: '/ipns/images.example.org',
    target: { kind: 'ipns', name: { kind: 'dnslink', text: 'images.example.org' }, segments: [] },
    isWanted: (name) => only.length === 0 || only.includes(name),
    whole: only.length === 0,
    resolver,
    content,
    keeper,
    memory: {
      load: () => Promise.resolve(saved),
      save: (version) => {
        events.push('save')
        saved = version
        return Promise.resolve()
      },
    },
    slots,
    log: () => undefined,
  })
  followed.push(root)
  await root.start()
  await pass(0)
  return root
}

/** Let so many ms pass, and everything happen that waits for nothing else. */
async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms)
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const layoutsOf = (root: FollowedRoot, repository: string): (string | undefined)[] | undefined =>
  root.places(repository)?.map((place) => (place?.kind === 'layout' ? nameOf(place.path.root) : undefined))

describe('a followed root', () => {
  test('is what its name leads to, kept whole before it counts and before the old one is let go', async () => {
    const root = await follow()
    expect(events).toEqual(['keep base-1', 'keep app-1', 'save'])
    events = []
    current = 'two'
    await pass(1000)
    expect(events).toEqual(['keep app-2', 'save', 'release app-1'])
    expect(root.status).toMatchObject({ kept: { path: pathOf('two'), repositories: 2 }, failure: undefined })
    expect(layoutsOf(root, 'app')).toEqual(['app-2', 'app-1'])
    expect(layoutsOf(root, 'other')).toEqual([undefined, undefined])
  })

  test('stays what it is while a part of the new one is missing, which is tried again', async () => {
    const root = await follow()
    current = 'two'
    missing.add('app-2')
    await pass(1000)
    expect(root.status).toMatchObject({ kept: { path: pathOf('one') }, failure: unavailable.message })
    expect(layoutsOf(root, 'app')).toEqual(['app-1'])
    expect(events).not.toContain('release app-1')
    missing.clear()
    await pass(2000)
    expect(root.status).toMatchObject({ kept: { path: pathOf('two') }, failure: undefined })
  })

  test('is tried less and less often', async () => {
    missing.add('base-1')
    const root = await follow()
    const tried = jest.spyOn(keeper, 'keep')
    await pass(60_000)
    expect(tried.mock.calls.length).toBeLessThan(6)
    expect(root.places('app')).toBeUndefined()
    tried.mockRestore()
  })

  test.each([
    ['has a folder that can not be read', () => (unreadable = 'base')],
    ['has lost all it had', () => (current = 'none')],
    ['is led to by nobody', () => (current = undefined)],
  ])('is not replaced when the new one %s', async (_, happen) => {
    const root = await follow()
    current = 'two'
    happen()
    await pass(10_000)
    expect(root.status).toMatchObject({
      kept: { path: pathOf('one') },
      failure: expect.any(String) as unknown,
    })
    expect(held.size).toBe(2)
  })

  test('is there at once after a restart, whoever is to be had', async () => {
    await (await follow()).stop()
    current = undefined
    const again = await follow()
    expect(layoutsOf(again, 'app')).toEqual(['app-1'])
  })

  test('whose pins have gone is fetched again', async () => {
    await follow()
    events = []
    held.delete(cidOf('app-1').toString())
    await pass(1000)
    expect(events).toEqual(['keep app-1'])
  })

  test('tells nothing of repositories that it does not keep', async () => {
    const root = await follow(['app'])
    expect(events).toEqual(['keep app-1', 'save'])
    expect(root.places('base')).toBeUndefined()
    expect(layoutsOf(root, 'app')).toEqual(['app-1'])
  })

  test('ends in the middle of a fetch', async () => {
    hanging.add('base-1')
    const root = await follow()
    expect(root.status.fetching).toBe(pathOf('one'))
    await root.stop()
    expect(events).toEqual([])
  })

  test('waits for others to be fetched', async () => {
    const slots = new Slots('follow', 1, 10)
    hanging.add('base-1')
    const first = await follow([], slots)
    const second = await follow(['app'], slots)
    expect([first.status.fetching, second.status.fetching]).toEqual([pathOf('one'), undefined])
    await first.stop()
    await pass(0)
    expect(second.status.kept?.path).toBe(pathOf('one'))
  })
})
