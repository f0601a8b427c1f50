import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { askInOrder, type AskOptions, type LookupEvent } from '../../../src/naming/ask-in-order.ts'
import type { NameAnswer } from '../../../src/naming/resolver.ts'
import { deferred, dnslink, ScriptedLookup } from '../../fixtures/name-lookups.ts'

const NAME = dnslink('a.example')
const NEVER = 2 ** 30

function ask(lookups: ScriptedLookup[], options: Partial<AskOptions> = {}): Promise<NameAnswer> {
  return askInOrder(lookups, NAME, {
    signal: new AbortController().signal,
    fresh: false,
    hedgeAfter: NEVER,
    settleFor: NEVER,
    memoryWaits: NEVER,
    judge: () => undefined,
    ...options,
  })
}

function plain(value: string): NameAnswer {
  return { value, ttl: undefined }
}

function record(value: string, sequence: bigint, validUntil = 1): NameAnswer {
  return { value, ttl: 1, sequence, validUntil }
}

function failing(name: string): ScriptedLookup {
  return new ScriptedLookup(name, () => new Failure('NAME_UNRESOLVED', `${name} fails`))
}

function silent(name: string): ScriptedLookup {
  return new ScriptedLookup(name, () => new Promise(() => undefined))
}

describe('asking look-ups in order', () => {
  test('asks nobody else when the first answers', async () => {
    const second = new ScriptedLookup('second', () => plain('2'))
    expect(await ask([new ScriptedLookup('first', () => plain('1')), second], { hedgeAfter: 1000 })).toEqual(
      plain('1'),
    )
    expect(await ask([new ScriptedLookup('first', () => record('1', 1n)), second])).toEqual(record('1', 1n))
    expect(second.asked).toHaveLength(0)
  })

  test('asks the next when one fails', async () => {
    expect(await ask([failing('a'), failing('b'), new ScriptedLookup('c', () => plain('3'))])).toEqual(
      plain('3'),
    )
  })

  test('asks the next beside one that is slow, and ends the slow one', async () => {
    const slow = silent('slow')
    expect(await ask([slow, new ScriptedLookup('next', () => plain('2'))], { hedgeAfter: 5 })).toEqual(
      plain('2'),
    )
    expect(slow.asked[0]?.signal.aborted).toBe(true)
  })

  test('takes the slow one when it answers after all', async () => {
    const slow = deferred<NameAnswer>()
    const second = silent('second')
    const result = ask([new ScriptedLookup('slow', () => slow.promise), second], { hedgeAfter: 1 })
    while (second.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    slow.resolve(plain('1'))
    expect(await result).toEqual(plain('1'))
  })

  test('of records that come together takes the highest sequence, then the longest validity', async () => {
    const first = deferred<NameAnswer>()
    const second = deferred<NameAnswer>()
    const third = deferred<NameAnswer>()
    const last = new ScriptedLookup('3', () => third.promise)
    const lookups = [
      new ScriptedLookup('1', () => first.promise),
      new ScriptedLookup('2', () => second.promise),
      last,
    ]
    const result = ask(lookups, { hedgeAfter: 1 })
    while (last.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    first.resolve(record('old', 4n, 9))
    second.resolve(record('new', 5n, 2))
    third.resolve(record('same sequence, valid for longer', 5n, 3))
    expect(await result).toEqual(record('same sequence, valid for longer', 5n, 3))
  })

  test('waits for other records only a moment', async () => {
    const slow = silent('slow')
    const quick = new ScriptedLookup('quick', () => record('1', 1n))
    expect(await ask([slow, quick], { hedgeAfter: 1, settleFor: 1 })).toEqual(record('1', 1n))
  })

  test('takes an answer that is judged wrong for a failure', async () => {
    const lookups = [
      new ScriptedLookup('a', () => record('1', 1n)),
      new ScriptedLookup('b', () => record('2', 2n)),
    ]
    const judge: AskOptions['judge'] = ({ value }) =>
      value === '1' ? new Failure('NAME_UNRESOLVED', 'outdated') : undefined
    expect(await ask(lookups, { judge })).toEqual(record('2', 2n))
  })

  test('believes "does not exist" of one that can know', async () => {
    const second = new ScriptedLookup('b', () => plain('2'))
    const gone = new ScriptedLookup('a', () => new Failure('CONTENT_NOT_FOUND', 'no such name'))
    await expect(ask([gone, second])).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(second.asked).toHaveLength(0)
  })

  test('says what each of them said when all fail', async () => {
    await expect(ask([failing('a'), failing('b')])).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: 'a.example could not be resolved now. a fails; b fails',
    })
  })

  test('says what to do when nobody can be asked', async () => {
    await expect(ask([])).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('ends when the signal aborts', async () => {
    const slow = silent('slow')
    const leaving = new AbortController()
    const result = ask([slow], { signal: leaving.signal })
    const reason = new Error('left')
    leaving.abort(reason)
    await expect(result).rejects.toBe(reason)
    expect(slow.asked[0]?.signal.reason).toBe(reason)
  })

  test('reports each look-up that ended by itself', async () => {
    const events: LookupEvent[] = []
    await ask([failing('a'), silent('b'), new ScriptedLookup('c', () => plain('3'))], {
      hedgeAfter: 1,
      observe: (event) => events.push(event),
    })
    expect(events.map(({ lookup, name, failure }) => [lookup, name, failure === undefined])).toEqual([
      ['a', 'a.example', false],
      ['c', 'a.example', true],
    ])
  })
})

describe('an answer from memory', () => {
  const remembering = (reply: () => NameAnswer | Failure): ScriptedLookup & { fromMemory: boolean } =>
    Object.assign(new ScriptedLookup('memory', reply), { fromMemory: true })
  const memory = remembering(() => record('kept', 5n))
  const forgetful = remembering(() => new Failure('NAME_UNRESOLVED', 'nothing is kept'))

  test('stands where nobody else is there', async () => {
    expect(await ask([memory])).toEqual(record('kept', 5n))
  })

  test('stands where all others fail', async () => {
    expect(await ask([memory, failing('a'), failing('b')])).toEqual(record('kept', 5n))
  })

  test('does not keep others from being asked: a newer record is taken, an older one is not', async () => {
    const newer = new ScriptedLookup('a', () => record('newer', 6n))
    expect(await ask([memory, newer])).toEqual(record('newer', 6n))
    const older = new ScriptedLookup('a', () => record('older', 4n))
    expect(await ask([memory, older])).toEqual(record('kept', 5n))
  })

  test('gives way to one who is trusted to know', async () => {
    expect(await ask([memory, new ScriptedLookup('a', () => plain('known'))])).toEqual(plain('known'))
  })

  test('waits for others as long as it is told to', async () => {
    const slow = silent('slow')
    expect(await ask([memory, slow], { memoryWaits: 1 })).toEqual(record('kept', 5n))
    expect(slow.asked[0]?.signal.aborted).toBe(true)
  })

  test('that does not come is nobody’s failure', async () => {
    const events: LookupEvent[] = []
    const observe = (event: LookupEvent): void => void events.push(event)
    expect(await ask([forgetful, new ScriptedLookup('a', () => plain('1'))], { observe })).toEqual(plain('1'))
    expect(events.map(({ lookup }) => lookup)).toEqual(['a'])
    await expect(ask([forgetful])).rejects.toThrow(/this gateway is set not to ask the DNS/)
    await expect(ask([forgetful, failing('a')])).rejects.toThrow(/nothing is kept; a fails$/)
  })
})
