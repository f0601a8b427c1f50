import { afterEach, describe, expect, test } from '@jest/globals'
import { formatContentPath } from '../../../src/content/source.ts'
import { Failure } from '../../../src/errors.ts'
import { RememberingResolver } from '../../../src/naming/remembering-resolver.ts'
import type { NameAnswer, NameLookup, ResolvedName } from '../../../src/naming/resolver.ts'
import type { NamingSettings } from '../../../src/naming/settings.ts'
import type { MutableName } from '../../../src/reference/name.ts'
import { ed25519Key } from '../../fixtures/ipns-keys.ts'
import { deferred, dnslink, ScriptedLookup, VolatileRootsMemory } from '../../fixtures/name-lookups.ts'

const ROOTS = [
  '/ipfs/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
  '/ipfs/bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
  '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354',
  '/ipfs/bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y',
  '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354/b',
  '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354/c',
] as const
const [A, B] = ROOTS
const NAME = dnslink('a.example')
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Settings under which only the clock of the test decides. */
const SETTINGS: Partial<NamingSettings> = {
  ttlFloor: MINUTE,
  ttlCeiling: HOUR,
  ttlDefault: 5 * MINUTE,
  staleFor: 24 * HOUR,
  failureFor: 5000,
  forcedEvery: 5000,
  patience: 60_000,
  answerWithin: 60_000,
  lookupLimit: 60_000,
}

const open: RememberingResolver[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((resolver) => resolver.close()))
})

interface Bench {
  readonly resolver: RememberingResolver
  readonly lookup: ScriptedLookup
  readonly memory: VolatileRootsMemory
  readonly warnings: string[]
  time: number
  ask(name?: MutableName, options?: { fresh?: boolean; signal?: AbortSignal }): Promise<ResolvedName>
}

function bench(
  reply: (name: MutableName) => ReturnType<ScriptedLookup['reply']>,
  settings: Partial<NamingSettings> = {},
  memory = new VolatileRootsMemory(),
  time = 1_800_000_000_000,
  more: NameLookup[] = [],
): Bench {
  const lookup = new ScriptedLookup('test', reply)
  const warnings: string[] = []
  const resolver = new RememberingResolver({
    lookups: [lookup, ...more],
    settings: { ...SETTINGS, ...settings },
    memory,
    now: () => self.time,
    warn: (message) => warnings.push(message),
  })
  open.push(resolver)
  const self: Bench = {
    resolver,
    lookup,
    memory,
    warnings,
    time,
    ask: (name = NAME, { fresh = false, signal = new AbortController().signal } = {}) =>
      resolver.resolve(name, { signal, fresh }),
  }
  return self
}

function answer(value: string, ttl?: number): NameAnswer {
  return { value, ttl }
}

const DOWN = new Failure('NAME_UNRESOLVED', 'nobody answers')
const GONE = new Failure('CONTENT_NOT_FOUND', 'no such name')

function rootOf(resolved: ResolvedName): string {
  return formatContentPath(resolved.path)
}

/** Until the look-ups in the background have ended. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe('the time to live', () => {
  test.each([
    ['as it is', 600, 600],
    ['not below the floor', 1, 60],
    ['zero, not below the floor', 0, 60],
    ['not above the ceiling', 100_000, 3600],
    ['unknown: the default', undefined, 300],
  ])('%s', async (_title, ttl, expected) => {
    const b = bench(() => answer(A, ttl))
    expect((await b.ask()).maxAge).toBe(expected)
    b.time += expected * 1000 * 0.5
    expect(await b.ask()).toMatchObject({ maxAge: expected / 2, staleSince: undefined })
    await settled()
    expect(b.lookup.asked).toHaveLength(1)
  })

  test('never goes beyond the validity of a record', async () => {
    const b = bench(() => ({ value: A, ttl: 600, sequence: 1n, validUntil: b.time + 10_000 }))
    expect((await b.ask()).maxAge).toBe(10)
  })

  test('is the shortest on the way', async () => {
    const b = bench((name) => (name === NAME ? answer('/ipns/b.example', 90) : answer(A, 600)))
    expect((await b.ask()).maxAge).toBe(90)
    const c = bench((name) => (name === NAME ? answer('/ipns/b.example', 600) : answer(A)))
    expect((await c.ask()).maxAge).toBe(300)
  })

  test('in its last fifth is renewed in the background', async () => {
    const b = bench(() => answer(A, 100))
    await b.ask()
    b.lookup.reply = () => answer(B, 100)
    b.time += 79_000
    await b.ask()
    await settled()
    expect(b.lookup.asked).toHaveLength(1)
    b.time += 2000
    expect(rootOf(await b.ask())).toBe(A)
    await settled()
    expect(b.lookup.asked).toHaveLength(2)
    expect(await b.ask()).toMatchObject({ maxAge: 100 })
    expect(rootOf(await b.ask())).toBe(B)
  })

  test('a failure in the background is not repeated at once, and changes nothing', async () => {
    const b = bench(() => answer(A, 100))
    await b.ask()
    b.lookup.reply = () => DOWN
    b.time += 90_000
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await b.ask()).toMatchObject({ maxAge: 10, staleSince: undefined })
      await settled()
    }
    expect(b.lookup.asked).toHaveLength(2)
    b.time += 5000
    await b.ask()
    await settled()
    expect(b.lookup.asked).toHaveLength(3)
  })
})

describe('the last known root', () => {
  test('is renewed within the request when the look-up answers', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => answer(B)
    b.time += 5 * MINUTE
    expect(await b.ask()).toMatchObject({ staleSince: undefined, maxAge: 300 })
    expect(rootOf(await b.ask())).toBe(B)
  })

  test('is served, marked stale, when refreshing fails, for the configured time', async () => {
    const b = bench(() => answer(A))
    const since = b.time
    await b.ask()
    b.lookup.reply = () => DOWN
    b.time += 5 * MINUTE
    expect(await b.ask()).toMatchObject({ staleSince: since, maxAge: 0 })
    b.time += 24 * HOUR - 1
    const last = await b.ask()
    expect([rootOf(last), last.staleSince]).toEqual([A, since])
    b.time += 5000
    await expect(b.ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('is served at once while the next try is not yet due', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => DOWN
    b.time += 5 * MINUTE
    await b.ask()
    await b.ask()
    b.time += 4999
    await b.ask()
    expect(b.lookup.asked).toHaveLength(2)
    b.time += 1
    b.lookup.reply = () => answer(B)
    expect(rootOf(await b.ask())).toBe(B)
  })

  test('is served when refreshing takes too long, which goes on for the next', async () => {
    const b = bench(() => answer(A), { patience: 100 })
    const since = b.time
    await b.ask()
    const slow = deferred<NameAnswer>()
    b.lookup.reply = () => slow.promise
    b.time += 5 * MINUTE
    expect(await b.ask()).toMatchObject({ staleSince: since })
    // Whoever comes later does not wait anew for the same look-up. (A timer may go off a millisecond early.)
    const over = performance.now() + 2
    while (performance.now() < over) await settled()
    const late: ResolvedName[] = []
    void b.ask().then((resolved) => late.push(resolved))
    await settled()
    expect(late.map(rootOf)).toEqual([A])
    slow.resolve(answer(B))
    await settled()
    expect(rootOf(await b.ask())).toBe(B)
    expect(b.lookup.asked).toHaveLength(2)
  })

  test('is not for those who have left', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => new Promise(() => undefined)
    b.time += 6 * MINUTE
    const leaving = new AbortController()
    const leaver = b.ask(NAME, { signal: leaving.signal })
    const reason = new Error('left')
    leaving.abort(reason)
    await expect(leaver).rejects.toBe(reason)
  })

  test('beyond the validity of its record is served only as stale', async () => {
    const b = bench(() => ({ value: A, ttl: 600, sequence: 1n, validUntil: b.time + 10_000 }))
    const since = b.time
    await b.ask()
    b.lookup.reply = () => DOWN
    b.time += 10_000
    expect(await b.ask()).toMatchObject({ staleSince: since, maxAge: 0 })
  })

  test('is not served after the TTL when the name exists no longer', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => GONE
    b.time += 4.5 * MINUTE
    expect(rootOf(await b.ask())).toBe(A)
    await settled()
    expect(await b.ask()).toMatchObject({ staleSince: undefined })
    b.time += MINUTE
    await expect(b.ask()).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    // Nor when the DNS is down after that.
    b.lookup.reply = () => DOWN
    b.time += MINUTE
    await expect(b.ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    expect(b.memory.saved.size).toBe(0)
    b.lookup.reply = () => answer(B)
    b.time += MINUTE
    expect(rootOf(await b.ask())).toBe(B)
  })

  test('outlives a value that can not be followed', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => answer('/ipld/nonsense')
    b.time += 6 * MINUTE
    expect(rootOf(await b.ask())).toBe(A)
  })
})

describe('earlier roots', () => {
  test('are kept, newest first, a few of them, none twice', async () => {
    const b = bench(() => answer(ROOTS[0]), { previousRoots: 3 })
    await b.ask()
    for (const next of [...ROOTS.slice(1), ROOTS[4]]) {
      b.lookup.reply = () => answer(next)
      b.time += HOUR
      await b.ask()
    }
    expect((await b.ask()).previous.map(formatContentPath)).toEqual([ROOTS[5], ROOTS[3], ROOTS[2]])
    expect(rootOf(await b.ask())).toBe(ROOTS[4])
  })
})

describe('failures', () => {
  test('are remembered for seconds only', async () => {
    for (const failure of [DOWN, GONE]) {
      const b = bench(() => failure)
      await expect(b.ask()).rejects.toMatchObject({ code: failure.code })
      b.time += 4999
      await expect(b.ask()).rejects.toMatchObject({ code: failure.code })
      expect(b.lookup.asked).toHaveLength(1)
      b.time += 1
      b.lookup.reply = () => answer(A)
      expect(rootOf(await b.ask())).toBe(A)
    }
  })

  test('of a defective look-up are those of the name', async () => {
    const b = bench(() => {
      throw new TypeError('defect')
    })
    await expect(b.ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('when nobody answers in time, a request ends while the look-up goes on', async () => {
    const slow = deferred<NameAnswer>()
    const b = bench(() => slow.promise, { answerWithin: 10 })
    await expect(b.ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: expect.stringContaining('still being resolved') as unknown,
    })
    slow.resolve(answer(A))
    await settled()
    expect(rootOf(await b.ask())).toBe(A)
    expect(b.lookup.asked).toHaveLength(1)
  })

  test('a look-up ends at its limit', async () => {
    const b = bench(() => new Promise(() => undefined), { lookupLimit: 10 })
    await expect(b.ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: 'a.example was not resolved within 0.01 s',
    })
    expect(b.lookup.asked[0]?.signal.aborted).toBe(true)
  })
})

describe('many at once', () => {
  test('fifty callers are one look-up', async () => {
    const slow = deferred<NameAnswer>()
    const b = bench(() => slow.promise)
    const all = Array.from({ length: 50 }, () => b.ask())
    slow.resolve(answer(A))
    expect(new Set((await Promise.all(all)).map(rootOf))).toEqual(new Set([A]))
    expect(b.lookup.asked).toHaveLength(1)
  })

  test('one that leaves ends nothing for the others', async () => {
    const slow = deferred<NameAnswer>()
    const b = bench(() => slow.promise)
    const leaving = new AbortController()
    const leaver = b.ask(NAME, { signal: leaving.signal })
    const stayer = b.ask()
    const reason = new Error('left')
    leaving.abort(reason)
    await expect(leaver).rejects.toBe(reason)
    expect(b.lookup.asked[0]?.signal.aborted).toBe(false)
    slow.resolve(answer(A))
    expect(rootOf(await stayer)).toBe(A)
  })

  test('the look-up goes on when all have left', async () => {
    const slow = deferred<NameAnswer>()
    const b = bench(() => slow.promise)
    const leaving = new AbortController()
    const leaver = b.ask(NAME, { signal: leaving.signal })
    leaving.abort(new Error('left'))
    await expect(leaver).rejects.toThrow('left')
    slow.resolve(answer(A))
    await settled()
    expect(rootOf(await b.ask())).toBe(A)
    expect(b.lookup.asked).toHaveLength(1)
  })

  test('names wait for their turn, and are refused when too many do', async () => {
    const gates = new Map<string, (answer: NameAnswer) => void>()
    const b = bench(
      ({ text }) => {
        const gate = deferred<NameAnswer>()
        gates.set(text, gate.resolve)
        return gate.promise
      },
      { concurrency: 1, queue: 1 },
    )
    const first = b.ask(dnslink('1.example'))
    const second = b.ask(dnslink('2.example'))
    await expect(b.ask(dnslink('3.example'))).rejects.toMatchObject({ code: 'OVERLOADED' })
    await settled()
    expect([...gates.keys()]).toEqual(['1.example'])
    gates.get('1.example')?.(answer(A))
    await first
    await settled()
    gates.get('2.example')?.(answer(B))
    expect(rootOf(await second)).toBe(B)
    // It is not remembered as a failure of that name.
    b.lookup.reply = () => answer(A)
    expect(rootOf(await b.ask(dnslink('3.example')))).toBe(A)
  })
})

describe('a forced look-up', () => {
  test('asks again, past caches on the way, at most once in a while', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => answer(B)
    expect(rootOf(await b.ask(NAME, { fresh: true }))).toBe(B)
    expect(b.lookup.asked.map(({ fresh }) => fresh)).toEqual([false, true])
    b.time += 4999
    await b.ask(NAME, { fresh: true })
    expect(b.lookup.asked).toHaveLength(2)
    b.time += 1
    await b.ask(NAME, { fresh: true })
    expect(b.lookup.asked).toHaveLength(3)
  })

  test('that fails leaves what is known', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => DOWN
    expect(await b.ask(NAME, { fresh: true })).toMatchObject({ staleSince: undefined, maxAge: 300 })
  })

  test('is one for many', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    await Promise.all(Array.from({ length: 20 }, () => b.ask(NAME, { fresh: true })))
    expect(b.lookup.asked).toHaveLength(2)
  })
})

describe('chains', () => {
  test('are followed, with the paths on the way', async () => {
    const key = ed25519Key().name
    const way: Record<string, string> = {
      'a.example': '/ipns/b.example/1',
      'b.example': `/ipns/${key.text}/2/3`,
      [key.text]: `${A}/4`,
    }
    const b = bench(({ text }) => answer(way[text] ?? ''))
    expect(rootOf(await b.ask())).toBe(`${A}/4/2/3/1`)
  })

  test('that lead in a circle, or too far, are refused', async () => {
    const circle = bench(({ text }) => answer(text === 'a.example' ? '/ipns/b.example' : '/ipns/a.example'))
    await expect(circle.ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: 'a.example leads back to itself: a.example → b.example → a.example',
    })
    const endless = bench(({ text }) => answer(`/ipns/x.${text}`))
    await expect(endless.ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    expect(endless.lookup.asked).toHaveLength(8)
  })

  test('that lead nowhere say where they broke', async () => {
    const b = bench(({ text }) => answer(text === 'a.example' ? '/ipns/b.example' : '/ipfs/typo'))
    await expect(b.ask()).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: expect.stringMatching(/^b\.example leads nowhere\. .*"typo" is no CID/) as unknown,
    })
  })
})

describe('sequences', () => {
  const key = ed25519Key().name

  function record(value: string, sequence: bigint, validUntil: number): NameAnswer {
    return { value, ttl: 60, sequence, validUntil }
  }

  test('never go backwards: the newest record stands while it is valid', async () => {
    const b = bench(() => record(A, 7n, b.time + HOUR))
    await b.ask(key)
    b.lookup.reply = () => record(B, 6n, b.time + 24 * HOUR)
    b.time += 2 * MINUTE
    const resolved = await b.ask(key)
    expect([rootOf(resolved), resolved.staleSince, resolved.maxAge]).toEqual([A, undefined, 60])
    b.lookup.reply = () => record(B, 8n, b.time + 24 * HOUR)
    b.time += 2 * MINUTE
    expect(rootOf(await b.ask(key))).toBe(B)
  })

  test('a look-up with an older record is passed over for the next', async () => {
    const other = new ScriptedLookup('other', () => record(B, 8n, b.time + HOUR))
    const b = bench(() => record(A, 7n, b.time + HOUR), {}, undefined, undefined, [other])
    await b.ask(key)
    expect(other.asked).toHaveLength(0)
    b.lookup.reply = () => record(A, 6n, b.time + HOUR)
    b.time += 2 * MINUTE
    expect(rootOf(await b.ask(key))).toBe(B)
  })

  test('an older record does not replace an expired one while that may be served; after that it does', async () => {
    const b = bench(() => record(A, 7n, b.time + HOUR))
    const since = b.time
    await b.ask(key)
    b.lookup.reply = () => record(B, 6n, b.time + 48 * HOUR)
    b.time += 2 * HOUR
    const stale = await b.ask(key)
    expect([rootOf(stale), stale.staleSince]).toEqual([A, since])
    b.time += 24 * HOUR
    expect(rootOf(await b.ask(key))).toBe(B)
  })

  test('hold for a key also where another name leads to it', async () => {
    const b = bench((name) =>
      name.kind === 'key' ? record(A, 7n, b.time + HOUR) : answer(`/ipns/${key.text}`),
    )
    await b.ask(key)
    b.lookup.reply = (name) =>
      name.kind === 'key' ? record(B, 6n, b.time + HOUR) : answer(`/ipns/${key.text}/x`)
    expect(rootOf(await b.ask(NAME))).toBe(`${A}/x`)
  })

  test('hold across a restart', async () => {
    const b = bench(() => record(A, 7n, b.time + 10 * HOUR))
    await b.ask(key)
    await b.resolver.close()
    const c = bench(() => record(B, 6n, c.time + 10 * HOUR), {}, b.memory, b.time + 2 * MINUTE)
    await c.resolver.restore()
    expect(rootOf(await c.ask(key))).toBe(A)
  })
})

describe('a restart', () => {
  test('keeps roots, earlier roots and their times', async () => {
    const b = bench(() => answer(A))
    await b.ask()
    b.lookup.reply = () => answer(B)
    b.time += 10 * MINUTE
    const before = await b.ask()
    await b.resolver.close()

    const c = bench(() => DOWN, {}, b.memory, b.time + MINUTE)
    await c.resolver.restore()
    expect(await c.ask()).toEqual({ ...before, maxAge: 240 })
    expect(c.lookup.asked).toHaveLength(0)
    c.time += 5 * MINUTE
    expect(await c.ask()).toEqual({ ...before, maxAge: 0, staleSince: b.time })
    await expect(c.ask(dnslink('other.example'))).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('nothing lasts longer when the clock is set back: neither a root nor a failure', async () => {
    let reply: () => ReturnType<ScriptedLookup['reply']> = () => answer(A)
    const b = bench(() => reply())
    await b.ask()
    b.time -= 100 * HOUR
    reply = () => answer(B)
    expect(rootOf(await b.ask())).toBe(B)
    const other = dnslink('other.example')
    reply = () => DOWN
    await expect(b.ask(other)).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    b.time -= HOUR
    reply = () => answer(A)
    expect(rootOf(await b.ask(other))).toBe(A)
  })

  test('takes up none of what makes no sense, and no root for longer because a clock was set back', async () => {
    const b = bench(() => answer(A, 3600))
    await b.ask()
    await b.resolver.close()
    const [saved] = await b.memory.load()
    await b.memory.save('x.example', { ...saved!, name: 'x.example', path: '/ipfs/nonsense' })
    await b.memory.save('y.example', { ...saved!, name: 'y.example', freshUntil: null as unknown as number })
    const c = bench(() => DOWN, {}, b.memory, b.time - 100 * HOUR)
    await c.resolver.restore()
    expect((await c.ask()).maxAge).toBe(3600)
    await expect(c.ask(dnslink('x.example'))).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    await expect(c.ask(dnslink('y.example'))).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('and requests go on when the memory fails', async () => {
    const memory = new VolatileRootsMemory()
    memory.load = async () => Promise.reject(new Error('unreadable'))
    memory.save = async () => Promise.reject(new Error('disk full'))
    const b = bench(() => answer(A), {}, memory)
    await b.resolver.restore()
    expect(rootOf(await b.ask())).toBe(A)
    await b.resolver.close()
    expect(b.warnings).toEqual([
      expect.stringContaining('unreadable'),
      expect.stringMatching(/a\.example .*disk full/),
    ])
  })

  test('keeps only as many names as are remembered', async () => {
    const b = bench(() => answer(A), { names: 2 })
    for (const name of ['1.example', '2.example', '1.example', '3.example']) await b.ask(dnslink(name))
    await b.resolver.close()
    expect([...b.memory.saved.keys()].toSorted()).toEqual(['1.example', '3.example'])
  })

  test('names that do not exist push out none that do', async () => {
    const b = bench(({ text }) => (text === 'a.example' ? answer(A) : GONE), { names: 2 })
    await b.ask()
    for (const name of ['1.example', '2.example', '3.example'])
      await b.ask(dnslink(name)).catch(() => undefined)
    await b.ask()
    expect(b.lookup.asked).toHaveLength(4)
  })

  test('after closing nothing is looked up any more', async () => {
    const b = bench(() => new Promise(() => undefined))
    const waiting = b.ask()
    await settled()
    const refused = expect(waiting).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    await b.resolver.close()
    await refused
    await expect(b.ask()).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    expect(b.lookup.asked).toHaveLength(1)
  })
})
