import { beforeEach, describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { Failure } from '../../../../src/errors.ts'
import { PUBLISH_TIMING } from '../../../../src/roots/names/publish-timing.ts'
import { RootKeys, type NamedRoot } from '../../../../src/roots/names/root-keys.ts'
import type { RootNameState } from '../../../../src/roots/names/root-name-state.ts'
import { RootPublisher } from '../../../../src/roots/names/root-publisher.ts'
import { FakeClock, idle } from '../../../fixtures/fake-clock.ts'
import { MemoryNames, UNAVAILABLE, VolatileKeyMemory } from '../../../fixtures/memory-names.ts'
import { MadeVersions } from '../../../fixtures/root-versions.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const LIFETIME = 48 * HOUR
const { batch, retryMin, retryMax, check, limit } = PUBLISH_TIMING
const HOME: NamedRoot = { root: 'home', key: undefined }
const never = new AbortController().signal

let clock: FakeClock
let names: MemoryNames
let versions: MadeVersions
let failures: { root: string; message: string; tries: number; wait: number }[]
let published: string[]

beforeEach(() => {
  clock = new FakeClock()
  names = new MemoryNames(() => clock.time)
  versions = new MadeVersions()
  failures = []
  published = []
})

function publisher(options: { roots?: NamedRoot[]; memory?: VolatileKeyMemory } = {}): RootPublisher {
  return new RootPublisher({
    keys: new RootKeys({ roots: options.roots ?? [HOME], publisher: names, memory: options.memory }),
    versions,
    lifetime: LIFETIME,
    ttl: MINUTE,
    clock,
    random: () => 0.5,
    events: {
      published: (root, key, record) => published.push(`${root} ${key} ${record.value}`),
      failed: (root, error, tries, wait) =>
        failures.push({ root, message: (error as Error).message, tries, wait }),
    },
  })
}

/** One that has published what there was at its start. */
async function settled(options: { memory?: VolatileKeyMemory } = {}): Promise<RootPublisher> {
  const made = publisher(options)
  made.start()
  await clock.pass(0)
  return made
}

function stateOf(made: RootPublisher): RootNameState {
  const state = made.state('home')
  if (state === undefined) throw new Error('no state')
  return state
}

describe('a push', () => {
  test('is published after a moment, with others that come meanwhile', async () => {
    const made = await settled()
    expect(names.values).toEqual([])
    await versions.push('home', 'one')
    made.changed('home')
    await clock.pass(batch - 1)
    await versions.push('home', 'two')
    made.changed('home')
    expect(names.values).toEqual([])
    await clock.pass(1)
    const [version] = await versions.history('home')
    const value = `/ipfs/${version?.cid.toString()}`
    expect(names.values).toEqual([value])
    const key = names.text('key-of-home')
    expect(published).toEqual([`home ${key} ${value}`])
    expect(stateOf(made)).toMatchObject({
      keyName: 'key-of-home',
      key,
      published: value,
      sequence: 1n,
      at: clock.time,
      next: clock.time + check,
      pending: false,
      behindSince: undefined,
      error: undefined,
    })
  })

  test('keeps none that follow waiting for more than the moment', async () => {
    const made = await settled()
    for (let n = 0; n < 10; n += 1) {
      await versions.push('home', `version ${n}`)
      made.changed('home')
      await clock.pass(batch / 2)
    }
    expect(names.values.length).toBeGreaterThanOrEqual(4)
  })

  test('is told at once, and shows as behind until it is published', async () => {
    const made = await settled()
    await versions.push('home', 'one')
    made.changed('home')
    expect(stateOf(made)).toMatchObject({ pending: true, behindSince: clock.time, next: clock.time + batch })
    made.changed('elsewhere')
    expect(made.state('elsewhere')).toBeUndefined()
  })

  test('that comes while an older version is published is published after it', async () => {
    const made = await settled()
    const first = await versions.push('home', 'one')
    let go: () => void = () => undefined
    names.beforePublish = () => new Promise((resolve) => (go = resolve))
    made.changed('home')
    await clock.pass(batch)
    expect(stateOf(made)).toMatchObject({ next: undefined, pending: true })
    const second = await versions.push('home', 'two')
    made.changed('home')
    names.beforePublish = () => Promise.resolve()
    go()
    await clock.pass(2 * batch)
    expect(names.values).toEqual([first, second])
    expect(stateOf(made)).toMatchObject({ published: second, pending: false })
  })

  test('to one root does not publish another', async () => {
    const made = publisher({ roots: [HOME, { root: 'team', key: 'self' }] })
    made.start()
    await clock.pass(0)
    const value = await versions.push('team', 'one')
    made.changed('team')
    await clock.pass(batch)
    expect(names.values).toEqual([value])
    expect([...names.keys.keys()]).toEqual(['self'])
    expect(made.states().map(({ root, keyName }) => `${root} ${keyName}`)).toEqual([
      'home key-of-home',
      'team self',
    ])
  })
})

describe('at the start', () => {
  test('nothing is published, and no key made, for a root without versions', async () => {
    const made = await settled()
    expect(names.keys.size).toBe(0)
    expect(stateOf(made)).toMatchObject({ key: undefined, pending: false, published: undefined })
  })

  test('what is not the newest version is published again, and only that', async () => {
    const first = await versions.push('home', 'one')
    await settled()
    await clock.pass(MINUTE)
    const after = await settled()
    expect(names.values).toEqual([first])
    expect(stateOf(after)).toMatchObject({ published: first, pending: false, at: clock.time })
    await after.stop(never)
    const second = await versions.push('home', 'two')
    await settled()
    expect(names.values).toEqual([first, second])
  })
})

describe('a failure', () => {
  test('is tried again with growing pauses, and told', async () => {
    const made = await settled()
    await versions.push('home', 'one')
    names.failing.set('publish', UNAVAILABLE)
    made.changed('home')
    await clock.pass(batch)
    expect(stateOf(made)).toMatchObject({
      error: 'nobody answers',
      pending: true,
      next: clock.time + retryMin,
    })
    await clock.pass(4 * HOUR)
    const waits = failures.map(({ wait }) => wait)
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8].map((times) => times * retryMin))
    expect(waits.at(-1)).toBe(retryMax)
    expect(failures.at(-1)).toMatchObject({ root: 'home', tries: failures.length })
    names.failing.clear()
    await clock.pass(retryMax)
    expect(names.values).toHaveLength(1)
    expect(stateOf(made)).toMatchObject({ error: undefined, pending: false })
  })

  test('is tried again soon after a push that worked', async () => {
    const made = await settled()
    await versions.push('home', 'one')
    names.failing.set('publish', UNAVAILABLE)
    made.changed('home')
    await clock.pass(4 * HOUR)
    names.failing.clear()
    await versions.push('home', 'two')
    made.changed('home')
    await clock.pass(retryMin)
    expect(names.values).toHaveLength(1)
  })

  test('to read the root publishes nothing', async () => {
    const first = await versions.push('home', 'one')
    const made = await settled()
    versions.failing = new Failure('ROOT_UNREADABLE', 'who knows')
    made.changed('home')
    await clock.pass(HOUR)
    expect(names.values).toEqual([first])
    expect(stateOf(made)).toMatchObject({ error: 'who knows', pending: true, published: first })
  })

  test('that takes too long is ended', async () => {
    await versions.push('home', 'one')
    names.beforePublish = () => new Promise(() => undefined)
    const made = await settled()
    await clock.pass(limit)
    expect(stateOf(made).error).toMatch(/within 300 s/)
  })
})

describe('a name that is published', () => {
  test('is published again in the middle of its lifetime, and looked at in between', async () => {
    const value = await versions.push('home', 'one')
    await settled()
    await clock.pass(LIFETIME / 2 - check)
    expect(names.values).toEqual([value])
    await clock.pass(2 * check)
    expect(names.values).toEqual([value, value])
    await clock.pass(LIFETIME)
    expect(names.times.length).toBeGreaterThanOrEqual(4)
    const gaps = names.times.slice(1).map((time, at) => time - (names.times[at] ?? 0))
    expect(Math.max(...gaps)).toBeLessThan(LIFETIME * 0.6)
  })

  test('follows what another gateway pushed and did not live to publish', async () => {
    await versions.push('home', 'one')
    const made = await settled()
    const second = await versions.push('home', 'two')
    await clock.pass(check)
    expect(stateOf(made)).toMatchObject({ published: second, pending: false })
  })

  test('is put right when something else was published with its key', async () => {
    const value = await versions.push('home', 'one')
    const made = await settled()
    const cid = names.keys.get('key-of-home')?.toString() ?? ''
    names.records.set(cid, { value: '/ipfs/bafkqaaa', sequence: 9n, validUntil: undefined, settled: true })
    await clock.pass(check)
    expect(names.records.get(cid)).toMatchObject({ value, sequence: 10n })
    expect(stateOf(made).published).toBe(value)
  })

  test('that may not be everywhere is published again', async () => {
    const value = await versions.push('home', 'one')
    await settled()
    const cid = names.keys.get('key-of-home')?.toString() ?? ''
    const record = names.records.get(cid)
    if (record === undefined) throw new Error('nothing published')
    names.records.set(cid, { ...record, settled: false })
    await clock.pass(check)
    expect(names.values).toEqual([value, value])
  })
})

describe('several gateways', () => {
  test('never go back to an older version', async () => {
    const first = await versions.push('home', 'one')
    names.keys.set(
      'key-of-home',
      CID.parse('bafzaajaiaejcbfoeagsyihzhmwfwmggvymoebyvtqqwwngbfgkmpsogcbkrcoemo'),
    )
    let late: () => void = () => undefined
    names.beforePublish = (value) =>
      value === first ? new Promise((resolve) => (late = resolve)) : Promise.resolve()
    const slow = await settled()
    const second = await versions.push('home', 'two')
    const fast = await settled()
    expect(names.values).toEqual([second])
    late()
    await clock.pass(3 * batch)
    expect(names.values).toEqual([second])
    for (const one of [slow, fast]) expect(stateOf(one)).toMatchObject({ published: second, pending: false })
    expect(failures).toEqual([])
  })

  test('publish what another one pushed while they published', async () => {
    const made = await settled()
    const first = await versions.push('home', 'one')
    let second = ''
    names.beforePublish = async () => {
      if (second === '') second = await versions.push('home', 'two')
    }
    made.changed('home')
    await clock.pass(4 * batch)
    expect(names.values).toEqual([first, second])
    expect(stateOf(made)).toMatchObject({ published: second, pending: false })
  })

  test('never go back where one is slow to read its root', async () => {
    const first = await versions.push('home', 'one')
    await names.makeKey('key-of-home')
    let slow: () => void = () => undefined
    const head = versions.head.bind(versions)
    versions.head = async (root) => {
      const version = await head(root)
      versions.head = head
      await new Promise<void>((resolve) => (slow = resolve))
      return version
    }
    await settled()
    const second = await versions.push('home', 'two')
    await settled()
    slow()
    await clock.pass(3 * batch)
    expect(first).not.toBe(second)
    expect(names.values).toEqual([second])
  })

  test('that are always faster count as a failure in the end', async () => {
    await versions.push('home', 'one')
    const made = publisher()
    names.beforePublish = async () => {
      const cid = [...names.keys.values()][0]?.toString() ?? ''
      const before = names.records.get(cid)?.sequence ?? 0n
      names.records.set(cid, {
        value: '/ipfs/bafkqaaa',
        sequence: before + 1n,
        validUntil: undefined,
        settled: true,
      })
    }
    names.keys.set('key-of-home', await names.makeKey('other'))
    // So that nobody takes it for a stranger's.
    versions.pushed('home', CID.parse('bafkqaaa'))
    await versions.push('home', 'two')
    made.start()
    await clock.pass(MINUTE / 4)
    expect(stateOf(made).error).toMatch(/others publish/)
  })
})

describe('a name that leads to something else', () => {
  async function withRecord(value: string): Promise<void> {
    const key = await names.makeKey('key-of-home')
    names.records.set(key.toString(), { value, sequence: 7n, validUntil: undefined, settled: true })
  }

  test('is not taken from it', async () => {
    await withRecord('/ipfs/bafkqablimvwgy3y')
    await versions.push('home', 'one')
    const made = await settled()
    expect(names.values).toEqual([])
    expect(stateOf(made).error).toMatch(
      /leads to \/ipfs\/bafkqablimvwgy3y, which the root home has never been/,
    )
  })

  test.each([
    ['an earlier version', '/ipfs/bafkqablimvwgy3y'],
    ['the empty folder of a new Kubo', '/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'],
    ['the same as CIDv1', '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'],
  ])('gives way where that is %s', async (_, value) => {
    await withRecord(value)
    versions.pushed('home', CID.parse('bafkqablimvwgy3y'))
    const newest = await versions.push('home', 'two')
    await settled()
    expect(names.values).toEqual([newest])
  })

  test('gives way where nobody knows any more what the root was', async () => {
    await withRecord('/ipfs/bafkqablimvwgy3y')
    for (const text of ['one', 'two', 'three']) await versions.push('home', text)
    versions.keep('home', 2)
    await settled()
    expect(names.values).toHaveLength(1)
  })

  test('gives way where the root was published with the key before', async () => {
    const memory = new VolatileKeyMemory()
    await versions.push('home', 'one')
    const first = await settled({ memory })
    await first.stop(never)
    const cid = names.keys.get('key-of-home')?.toString() ?? ''
    names.records.set(cid, {
      value: '/ipfs/bafkqablimvwgy3y',
      sequence: 7n,
      validUntil: undefined,
      settled: true,
    })
    await settled()
    expect(names.values).toHaveLength(1)
    await settled({ memory })
    expect(names.values).toHaveLength(2)
  })
})

describe('the end', () => {
  test('comes after what waits is published', async () => {
    const made = await settled()
    const value = await versions.push('home', 'one')
    made.changed('home')
    await made.stop(never)
    expect(names.values).toEqual([value])
    await versions.push('home', 'two')
    made.changed('home')
    await clock.pass(LIFETIME)
    expect(names.values).toEqual([value])
    expect(stateOf(made).next).toBeUndefined()
  })

  test('does not wait for longer than it may', async () => {
    await versions.push('home', 'one')
    names.beforePublish = () => new Promise(() => undefined)
    const made = await settled()
    const end = new AbortController()
    const stopped = made.stop(end.signal)
    await idle()
    end.abort()
    await stopped
    expect(names.values).toEqual([])
    expect(failures).toEqual([])
  })

  test('comes at once where it may not wait, and where publishing fails', async () => {
    const made = await settled()
    await versions.push('home', 'one')
    made.changed('home')
    await made.stop(AbortSignal.abort())
    expect(names.values).toEqual([])
    const failing = await settled()
    names.failing.set('publish', UNAVAILABLE)
    await versions.push('home', 'two')
    failing.changed('home')
    await clock.pass(batch)
    failing.changed('home')
    await failing.stop(never)
    expect(failures).toHaveLength(1)
  })
})
