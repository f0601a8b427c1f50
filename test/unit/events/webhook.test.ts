import { beforeEach, describe, expect, test } from '@jest/globals'
import type { EventRecord } from '../../../src/events/envelope.ts'
import { Notices, type Interest, type Notice } from '../../../src/events/notices.ts'
import type { PostResult } from '../../../src/events/post.ts'
import { Webhook, type WebhookOptions } from '../../../src/events/webhook.ts'
import { FakeClock, idle } from '../../fixtures/fake-clock.ts'

const TAKEN: PostResult = { kind: 'taken' }
const REFUSED: PostResult = { kind: 'refused', reason: 'it answers 400' }
const FAILED: PostResult = { kind: 'failed', reason: 'it answers 500', pause: undefined }
const never = new AbortController().signal
const notices = new Notices({ addr: 'here:5000', instanceID: 'this one' })

let clock: FakeClock
/** Versions in each request, in order. */
let sent: (number | undefined)[][]
let answers: PostResult[]
/** Requests that wait for {@link release}; undefined: they are answered at once. */
let held: ((result: PostResult) => void)[] | undefined
let told: string[]
let waiting: number

beforeEach(() => {
  clock = new FakeClock()
  sent = []
  answers = []
  held = undefined
  told = []
  waiting = -1
})

function webhook(options: Partial<WebhookOptions> = {}): Webhook {
  return new Webhook({
    interests: ['root'],
    post: (events, signal) => {
      sent.push(events.map(versionOf))
      if (held === undefined) return Promise.resolve(answers.shift() ?? TAKEN)
      return new Promise((resolve) => {
        held?.push(resolve)
        signal.addEventListener('abort', () => resolve({ ...FAILED, reason: 'it was cut' } as PostResult))
      })
    },
    batch: 1,
    queue: 5,
    retryFor: 60_000,
    clock,
    random: () => 1,
    events: {
      delivered: (count, failures) => told.push(`delivered ${count} after ${failures}`),
      failed: (reason, failures, wait) => told.push(`failed ${failures}: ${reason}, again in ${wait}`),
      lost: (record, loss, reason) => told.push(`${loss} ${versionOf(record)}: ${reason}`),
      waiting: (length) => void (waiting = length),
    },
    ...options,
  })
}

const versionOf = ({ target }: EventRecord): number | undefined => target.version
const root = (version: number): Notice => notices.ofRoot({ root: 'home', version, cid: undefined })

function accept(made: Webhook, ...versions: number[]): void {
  for (const version of versions) made.accept(root(version))
}

async function release(result: PostResult): Promise<void> {
  await idle()
  held?.shift()?.(result)
  await idle()
}

describe('events', () => {
  test('are sent one by one, in order, and whoever tells of them does not wait', async () => {
    const made = webhook()
    accept(made, 1, 2, 3)
    expect(sent).toEqual([])
    await idle()
    expect(sent).toEqual([[1], [2], [3]])
    expect(told).toEqual(['delivered 1 after 0', 'delivered 1 after 0', 'delivered 1 after 0'])
    expect(waiting).toBe(0)
  })

  test('that wait go together, as many as a batch has, one request at a time', async () => {
    held = []
    const made = webhook({ batch: 3 })
    accept(made, 1)
    await idle()
    accept(made, 2, 3, 4, 5)
    expect(waiting).toBe(5)
    await idle()
    expect(sent).toEqual([[1]])
    await release(TAKEN)
    expect(sent).toEqual([[1], [2, 3, 4]])
    await release(TAKEN)
    await release(TAKEN)
    expect(sent).toEqual([[1], [2, 3, 4], [5]])
  })

  test.each<[Interest[], string[]]>([
    [['push'], ['tagged', 'untagged']],
    [['tag'], ['tagged']],
    [['delete'], ['gone']],
    [['blob'], ['blob']],
    [
      ['push', 'tag', 'blob', 'delete'],
      ['tagged', 'untagged', 'gone', 'blob'],
    ],
  ])('go to whoever has an interest in them: %j', async (interests, names) => {
    const got: (string | undefined)[] = []
    const post: WebhookOptions['post'] = async (events) => {
      got.push(...events.map(({ target }) => target.repository))
      return Promise.resolve(TAKEN)
    }
    const made = webhook({ interests, post })
    const cause = { request: { id: '', method: '', useragent: '' }, user: undefined, origin: undefined }
    const digest = `sha256:${'0'.repeat(64)}` as const
    const pushed = {
      kind: 'manifest-pushed',
      digest,
      mediaType: '',
      size: 1,
      contentPath: undefined,
    } as const
    made.accept(notices.ofRepository({ ...pushed, name: 'tagged', tag: 'v1' }, cause))
    made.accept(notices.ofRepository({ ...pushed, name: 'untagged', tag: undefined }, cause))
    made.accept(notices.ofRepository({ kind: 'tag-deleted', name: 'gone', tag: 'v1' }, cause))
    made.accept(notices.ofRepository({ kind: 'blob-pushed', name: 'blob', digest, size: 1 }, cause))
    accept(made, 1)
    await idle()
    expect(got).toEqual(names)
  })
})

describe('what a receiver does not take', () => {
  test('is sent again with growing pauses, before what came later', async () => {
    answers = [FAILED, FAILED, FAILED]
    const made = webhook()
    accept(made, 1, 2)
    await clock.pass(0)
    expect(sent).toEqual([[1]])
    await clock.pass(999)
    expect(sent).toHaveLength(1)
    await clock.pass(1)
    expect(sent).toHaveLength(2)
    await clock.pass(2_000)
    expect(sent).toHaveLength(3)
    await clock.pass(3_999)
    expect(sent).toHaveLength(3)
    await clock.pass(1)
    expect(sent).toEqual([[1], [1], [1], [1], [2]])
    expect(told).toEqual([
      'failed 1: it answers 500, again in 1000',
      'failed 2: it answers 500, again in 2000',
      'failed 3: it answers 500, again in 4000',
      'delivered 1 after 3',
      'delivered 1 after 0',
    ])
  })

  test('waits a minute at most, less by chance, and as long as the receiver asks', async () => {
    answers = Array.from({ length: 12 }, () => FAILED)
    answers[10] = { ...FAILED, pause: 90_000 }
    let chance = 1
    accept(webhook({ retryFor: 3_600_000, random: () => chance }), 1)
    await clock.pass(1_000 + 2_000 + 4_000 + 8_000 + 16_000 + 32_000)
    chance = 0
    await clock.pass(239_000)
    expect(told.map((line) => line.replace(/.* /, ''))).toEqual([
      '1000',
      '2000',
      '4000',
      '8000',
      '16000',
      '32000',
      '60000',
      '30000',
      '30000',
      '30000',
      '90000',
    ])
  })

  test('is given up when it is too old, but never unsent', async () => {
    answers = Array.from({ length: 100 }, () => FAILED)
    const made = webhook({ retryFor: 10_000, queue: 2 })
    accept(made, 1)
    await clock.pass(6_000)
    accept(made, 2)
    await clock.pass(60_000)
    expect(sent).toContainEqual([2])
    expect(told.filter((line) => line.startsWith('expired'))).toEqual([
      'expired 1: it answers 500',
      'expired 2: it answers 500',
    ])
    expect(waiting).toBe(0)
    answers = []
    accept(made, 3)
    await clock.pass(60_000)
    expect(sent.at(-1)).toEqual([3])
  })

  test('and never will is given up at once', async () => {
    answers = [REFUSED]
    accept(webhook(), 1, 2)
    await idle()
    expect(sent).toEqual([[1], [2]])
    expect(told).toEqual(['refused 1: it answers 400', 'delivered 1 after 0'])
  })

  test('of a batch is found by sending each by itself', async () => {
    answers = [REFUSED, TAKEN, REFUSED, TAKEN]
    accept(webhook({ batch: 3 }), 1, 2, 3, 4)
    await idle()
    expect(sent).toEqual([[1, 2, 3], [1], [2], [3], [4]])
    expect(told.filter((line) => line.startsWith('refused'))).toEqual(['refused 2: it answers 400'])
  })

  test('makes room for what is newer where too much waits', async () => {
    held = []
    const made = webhook({ queue: 2 })
    accept(made, 1)
    await idle()
    accept(made, 2, 3, 4, 5)
    expect(told).toEqual(['dropped 2: too many wait', 'dropped 3: too many wait'])
    expect(waiting).toBe(3)
    await release(TAKEN)
    await release(TAKEN)
    await release(TAKEN)
    expect(sent).toEqual([[1], [4], [5]])
  })
})

describe('at the end', () => {
  test('what waits is sent', async () => {
    const made = webhook()
    accept(made, 1, 2)
    await made.close(never)
    expect(sent).toEqual([[1], [2]])
    accept(made, 3)
    await idle()
    expect(told.at(-1)).toBe('dropped 3: the gateway stops')
    expect(sent).toHaveLength(2)
  })

  test('a pause is ended, and each is sent once', async () => {
    answers = [FAILED]
    const made = webhook()
    accept(made, 1, 2)
    await clock.pass(0)
    await made.close(never)
    expect(sent).toEqual([[1], [1], [2]])
    expect(waiting).toBe(0)
  })

  test('what is not taken is dropped', async () => {
    answers = [FAILED, FAILED]
    const made = webhook()
    accept(made, 1, 2)
    await clock.pass(0)
    await made.close(never)
    expect(sent).toEqual([[1], [1]])
    expect(told.slice(1)).toEqual(['dropped 1: the gateway stops', 'dropped 2: the gateway stops'])
    await clock.pass(600_000)
    expect(sent).toHaveLength(2)
  })

  test('a request that takes too long is cut', async () => {
    held = []
    const made = webhook()
    accept(made, 1)
    await idle()
    const end = new AbortController()
    const closed = made.close(end.signal)
    await idle()
    expect(told).toEqual([])
    end.abort()
    await closed
    expect(told).toEqual(['dropped 1: the gateway stops'])
  })
})
