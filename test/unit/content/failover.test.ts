import { describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { failover, type FailoverOptions } from '../../../src/content/failover.ts'
import { Slots, limited } from '../../../src/content/limited.ts'
import type { ByteRange, ContentSource, OpenedFile, OpenOptions } from '../../../src/content/source.ts'
import { Failure } from '../../../src/errors.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'

const PATH = {
  root: CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'),
  segments: ['a'],
}
const BYTES = patternBytes(1000, 2)
const { signal } = new AbortController()
const never = (): Promise<never> => new Promise(() => undefined)

interface Scripted extends ContentSource {
  readonly opened: { range: ByteRange | undefined; signal: AbortSignal }[]
  readonly discredits: string[]
}

/** How one answer goes: fails at once, hangs, or breaks after so many bytes. */
type Answer = { fail: Failure } | 'hang' | { size?: number; cut?: number; with?: Failure }

function source(name: string, ...answers: Answer[]): Scripted {
  const opened: Scripted['opened'] = []
  const discredits: string[] = []
  async function* body(from: number, to: number, failure: Failure | undefined): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(BYTES.subarray(from, to))
    if (failure !== undefined) throw failure
  }
  return {
    name,
    proof: 'none',
    opened,
    discredits,
    stat: never,
    list: never,
    healthy: () => Promise.resolve(true),
    open(_path, options: OpenOptions): Promise<OpenedFile> {
      const answer = answers[Math.min(opened.length, answers.length - 1)] ?? {}
      opened.push({ range: options.range, signal: options.signal })
      if (answer === 'hang') return never()
      if ('fail' in answer) return Promise.reject(answer.fail)
      const start = options.range?.start ?? 0
      const end = Math.min(options.range?.end ?? BYTES.length, BYTES.length)
      return Promise.resolve({
        size: answer.size ?? BYTES.length,
        cid: undefined,
        proof: 'none',
        source: name,
        body: body(start, answer.cut === undefined ? end : start + answer.cut, answer.with),
        discredit: (reason) => void discredits.push(reason),
      })
    },
  }
}

const fails = (code: Failure['code'], message = code.toLowerCase()): Answer => ({
  fail: new Failure(code, message),
})

const joined = (sources: ContentSource[], options: Partial<FailoverOptions> = {}): ContentSource =>
  failover(sources, { hedgeDelay: 600_000, ...options })

async function bytesOf(file: OpenedFile): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of file.body) pieces.push(piece)
  return Buffer.concat(pieces)
}

const asked = (sources: Scripted[]): number[] => sources.map(({ opened }) => opened.length)

describe('the first answer', () => {
  test('is of the first source; the others are not asked', async () => {
    const sources = [source('one'), source('two')]
    const file = await joined(sources).open(PATH, { signal })
    expect(file.source).toBe('one')
    expect((await bytesOf(file)).equals(BYTES)).toBe(true)
    expect(asked(sources)).toEqual([1, 0])
  })

  test('is of the next source when one fails', async () => {
    const sources = [source('one', fails('CONTENT_UNAVAILABLE')), source('two'), source('three')]
    expect((await joined(sources).open(PATH, { signal })).source).toBe('two')
    expect(asked(sources)).toEqual([1, 1, 0])
  })

  test('is of the next source when one is slow, which then is let go', async () => {
    const sources = [source('one', 'hang'), source('two')]
    const file = await joined(sources, { hedgeDelay: 1 }).open(PATH, { signal })
    expect(file.source).toBe('two')
    expect(sources[0]?.opened[0]?.signal.aborted).toBe(true)
    expect(sources[1]?.opened[0]?.signal.aborted).toBe(false)
  })

  test.each(['CONTENT_NOT_FOUND', 'CONTENT_TOO_LARGE'] as const)('is final when it is %s', async (code) => {
    const sources = [source('one', fails(code)), source('two')]
    await expect(joined(sources).open(PATH, { signal })).rejects.toMatchObject({ code })
    expect(asked(sources)).toEqual([1, 0])
  })

  test('of a source that sent wrong bytes is asked for last from then on', async () => {
    const sources = [source('one', fails('CONTENT_INVALID'), {}), source('two')]
    const all = joined(sources)
    expect((await all.open(PATH, { signal })).source).toBe('two')
    expect((await all.open(PATH, { signal })).source).toBe('two')
    expect(asked(sources)).toEqual([1, 2])
  })

  test('is waited for no longer than the signal allows', async () => {
    const abort = new AbortController()
    const sources = [source('one', 'hang')]
    const opening = joined(sources).open(PATH, { signal: abort.signal })
    const reason = new Error('gone')
    abort.abort(reason)
    await expect(opening).rejects.toBe(reason)
    expect(sources[0]?.opened[0]?.signal.reason).toBe(reason)
  })
})

describe('when all fail', () => {
  test.each([
    [['CONTENT_UNAVAILABLE', 'CONTENT_INVALID'], 'CONTENT_UNAVAILABLE'],
    [['CONTENT_UNAVAILABLE', 'CONTENT_TIMEOUT'], 'CONTENT_TIMEOUT'],
    [['CONTENT_INVALID', 'CONTENT_TIMEOUT'], 'CONTENT_TIMEOUT'],
    [['CONTENT_INVALID', 'CONTENT_INVALID'], 'CONTENT_INVALID'],
    [['OVERLOADED', 'OVERLOADED'], 'OVERLOADED'],
    [['OVERLOADED', 'CONTENT_UNAVAILABLE'], 'CONTENT_UNAVAILABLE'],
  ] as const)('%j is %s', async (codes, code) => {
    const sources = codes.map((one, index) => source(`s${index}`, fails(one)))
    await expect(joined(sources).open(PATH, { signal })).rejects.toMatchObject({ code })
  })

  test('the message says what each said, and what to try', async () => {
    const sources = [
      source('one', fails('CONTENT_UNAVAILABLE', 'no peer')),
      source('two', fails('CONTENT_TIMEOUT', 'too slow')),
    ]
    const opening = joined(sources, { hint: 'Add a gateway.' }).open(PATH, { signal })
    await expect(opening).rejects.toMatchObject({
      message: `no source could give /ipfs/${PATH.root.toString()}/a: one: no peer; two: too slow. Add a gateway.`,
      detail: { sources: ['one', 'two'] },
    })
  })

  test('without any source it says so', async () => {
    await expect(joined([]).open(PATH, { signal })).rejects.toThrow(/none is configured/)
  })
})

describe('a body', () => {
  test.each([
    ['is cut', { cut: 300 }],
    ['fails', { cut: 300, with: new Failure('CONTENT_UNAVAILABLE', 'reset') }],
    ['turns wrong', { cut: 300, with: new Failure('CONTENT_INVALID', 'wrong block') }],
  ])('that %s goes on at the next source from the same byte', async (_, answer) => {
    const sources = [source('one', answer), source('two')]
    const continued: unknown[] = []
    const events = {
      ended: () => undefined,
      cancelled: () => undefined,
      answered: () => undefined,
      received: () => undefined,
      discredited: () => undefined,
      continued: (...all: unknown[]) => void continued.push(all.slice(0, 3)),
    }
    const file = await joined(sources, { events }).open(PATH, { range: { start: 100, end: 900 }, signal })
    expect((await bytesOf(file)).equals(BYTES.subarray(100, 900))).toBe(true)
    expect(sources[1]?.opened[0]?.range).toEqual({ start: 400, end: 900 })
    expect(continued).toEqual([['one', 'two', 400]])
    expect(file.source).toBe('two')
  })

  test('is proved only if every source of it proved its part', async () => {
    const believed = source('one', { cut: 300 })
    const proving = (name: string, ...answers: Answer[]): ContentSource => {
      const made = source(name, ...answers)
      const open = async (...asked: Parameters<typeof made.open>): Promise<OpenedFile> => {
        return { ...(await made.open(...asked)), proof: 'blocks' }
      }
      return { ...made, open, proof: 'blocks' }
    }
    const proofs = []
    for (const first of [believed, proving('one', { cut: 300 })]) {
      const file = await joined([first, proving('two')]).open(PATH, { signal })
      await bytesOf(file)
      expect(file.source).toBe('two')
      proofs.push(file.proof)
    }
    expect(proofs).toEqual(['none', 'blocks'])
  })

  test('goes on at the same source when no other has it', async () => {
    const sources = [source('one', { cut: 10 }, {}), source('two', fails('CONTENT_UNAVAILABLE'))]
    const file = await joined(sources).open(PATH, { signal })
    expect((await bytesOf(file)).equals(BYTES)).toBe(true)
    expect(asked(sources)).toEqual([2, 1])
  })

  test('does not go on at a source that got nowhere', async () => {
    const sources = [source('one', { cut: 0 }, {}), source('two', fails('CONTENT_UNAVAILABLE'))]
    const file = await joined(sources).open(PATH, { signal })
    await expect(bytesOf(file)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(asked(sources)).toEqual([1, 1])
  })

  test('does not go on for ever', async () => {
    const sources = [source('one', { cut: 1 })]
    const file = await joined(sources).open(PATH, { signal })
    await expect(bytesOf(file)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(asked(sources)).toEqual([9])
  })

  test('does not go on for someone who has left', async () => {
    const sources = [source('one', { cut: 10 }), source('two')]
    const abort = new AbortController()
    const file = await joined(sources).open(PATH, { signal: abort.signal })
    const pieces = file.body[Symbol.asyncIterator]()
    await pieces.next()
    abort.abort(new Error('gone'))
    await expect(pieces.next()).rejects.toThrow()
    expect(asked(sources)).toEqual([1, 0])
  })

  test('does not go on where the file has another size', async () => {
    const sources = [source('one', { cut: 10 }), source('two', { size: 999 }), source('three')]
    const file = await joined(sources).open(PATH, { signal })
    expect((await bytesOf(file)).equals(BYTES)).toBe(true)
    expect(file.source).toBe('three')
    expect(asked(sources)).toEqual([1, 1, 1])
  })

  test('of a wrong size that broke off is not begun at the same source again', async () => {
    const sources = [source('one', { size: 900, cut: 10 }), source('two')]
    const all = joined(sources)
    const file = await all.open(PATH, { signal })
    await expect(bytesOf(file)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    const next = await all.open(PATH, { signal })
    expect([next.source, next.size]).toEqual(['two', BYTES.length])
  })

  test('goes on at a slow source rather than at one that breaks off again and again', async () => {
    const [breaking, slow] = [source('breaking', { cut: 1 }), source('slow')]
    const open = slow.open.bind(slow)
    slow.open = async (...given) => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      return open(...given)
    }
    const file = await joined([breaking, slow], { hedgeDelay: 100 }).open(PATH, { signal })
    expect((await bytesOf(file)).equals(BYTES)).toBe(true)
    expect(breaking.opened.length).toBeLessThanOrEqual(2)
  })

  test('that gets nowhere ends with an error', async () => {
    const sources = [source('one', { cut: 0 }), source('two', { cut: 0 })]
    const file = await joined(sources).open(PATH, { signal })
    await expect(bytesOf(file)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('found wrong is held against all who gave it, and they are asked last from then on', async () => {
    const sources = [source('one', { cut: 10 }), source('two'), source('three')]
    const all = joined(sources)
    const file = await all.open(PATH, { signal })
    await bytesOf(file)
    file.discredit('wrong digest')
    expect(sources.map(({ discredits }) => discredits)).toEqual([['wrong digest'], ['wrong digest'], []])
    expect((await all.open(PATH, { signal })).source).toBe('three')
  })

  test('found wrong is not asked for there again as long as another one is only slow', async () => {
    const [wrong, slow] = [source('wrong'), source('slow')]
    const all = joined([wrong, slow], { hedgeDelay: 40 })
    const first = await all.open(PATH, { signal })
    first.discredit('wrong digest')
    const open = slow.open.bind(slow)
    slow.open = async (...given) => {
      await new Promise((resolve) => setTimeout(resolve, 80))
      return open(...given)
    }
    expect((await all.open(PATH, { signal })).source).toBe('slow')
    slow.open = never
    expect((await all.open(PATH, { signal })).source).toBe('wrong')
  })

  test('of proved blocks is not held against who gave it', async () => {
    const proved = source('one')
    const open = proved.open.bind(proved)
    proved.open = async (...args) => ({ ...(await open(...args)), proof: 'blocks' })
    const all = joined([proved, source('two')])
    ;(await all.open(PATH, { signal })).discredit('what the CID names has another digest')
    expect((await all.open(PATH, { signal })).source).toBe('one')
  })

  test('of a wrong size counts before any of it was read', async () => {
    const sources = [source('one'), source('two')]
    const all = joined(sources)
    const file = await all.open(PATH, { signal })
    file.discredit('wrong size')
    expect((await all.open(PATH, { signal })).source).toBe('two')
  })
})

describe('what is told of requests', () => {
  function told() {
    const events: unknown[] = []
    return {
      events,
      tell: {
        ended: (name: string, failure: unknown) =>
          void events.push([name, failure instanceof Failure ? failure.code : failure]),
        cancelled: (name: string) => void events.push([name, 'cancelled']),
        answered: () => undefined,
        received: () => undefined,
        discredited: () => undefined,
        continued: () => undefined,
      },
    }
  }

  test('how each ended', async () => {
    const { events, tell } = told()
    const sources = [
      source('one', fails('OVERLOADED')),
      source('two', fails('CONTENT_TIMEOUT')),
      source('three'),
    ]
    await joined(sources, { events: tell }).open(PATH, { signal })
    expect(events).toEqual([
      ['one', 'OVERLOADED'],
      ['two', 'CONTENT_TIMEOUT'],
      ['three', undefined],
    ])
  })

  test('who was too slow was given up, and did not fail', async () => {
    const { events, tell } = told()
    const slow = source('one')
    slow.open = (_path, options) =>
      new Promise((_resolve, reject) => {
        options.signal.addEventListener('abort', () => reject(options.signal.reason as Error))
      })
    await joined([slow, source('two')], { hedgeDelay: 1, events: tell }).open(PATH, { signal })
    await new Promise((resolve) => setImmediate(resolve))
    expect(events).toEqual([
      ['two', undefined],
      ['one', 'cancelled'],
    ])
  })
})

describe('limited', () => {
  test('a place is held until the body was read', async () => {
    const inner = source('one')
    const one = limited(inner, new Slots('one', 1, 1))
    const file = await one.open(PATH, { signal })
    const waiting = one.open(PATH, { signal })
    await expect(one.open(PATH, { signal })).rejects.toMatchObject({ code: 'OVERLOADED' })
    expect(inner.opened).toHaveLength(1)
    await bytesOf(file)
    await bytesOf(await waiting)
    expect(inner.opened).toHaveLength(2)
  })

  test('a place is given back by an abort, and by a failure', async () => {
    const one = limited(source('one', {}, fails('CONTENT_UNAVAILABLE'), {}), new Slots('one', 1, 0))
    const abort = new AbortController()
    await one.open(PATH, { signal: abort.signal })
    abort.abort()
    await expect(one.open(PATH, { signal })).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await bytesOf(await one.open(PATH, { signal }))
  })

  test('a place is given back also when the answer comes after the abort', async () => {
    const inner = source('one')
    const answer = inner.open.bind(inner)
    const abort = new AbortController()
    inner.open = async (path, options) => {
      const file = await answer(path, options)
      abort.abort()
      return file
    }
    const one = limited(inner, new Slots('one', 1, 0))
    await one.open(PATH, { signal: abort.signal })
    await bytesOf(await one.open(PATH, { signal }))
  })

  test('who gives up waiting leaves the queue', async () => {
    const slots = new Slots('it', 1, 1)
    const release = await slots.take(signal)
    const abort = new AbortController()
    const waiting = slots.take(abort.signal)
    abort.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    const next = slots.take(signal)
    release()
    release()
    ;(await next)()
    await slots.take(signal)
  })
})
