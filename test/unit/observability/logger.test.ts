import { Writable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { createAccessLog } from '../../../src/observability/access-log.ts'
import { createLogger, silentLogger } from '../../../src/observability/logger.ts'
import type { LoggerOptions, LogLevel, RootLogger } from '../../../src/observability/logger.ts'
import { CapturedStream } from '../../fixtures/captured-stream.ts'

function logInto(stream: CapturedStream, options: Partial<LoggerOptions> = {}): RootLogger {
  return createLogger({ level: 'info', format: 'json', ...options, stream })
}

/** The fields of the only line that `act` logs. */
function logged(
  act: (logger: RootLogger) => void,
  options?: Partial<LoggerOptions>,
): Record<string, unknown> {
  const stream = new CapturedStream()
  const logger = logInto(stream, options)
  act(logger)
  logger.flush()
  expect(stream.lines).toHaveLength(1)
  return JSON.parse(stream.text) as Record<string, unknown>
}

describe('JSON', () => {
  test('one object a line, with time, level, message and fields', () => {
    const line = logged((logger) =>
      logger.warn('hello', { a: 1, b: 'two', c: undefined, d: null, e: [true] }),
    )
    expect(line).toEqual({
      time: line['time'],
      level: 'warn',
      message: 'hello',
      a: 1,
      b: 'two',
      d: null,
      e: [true],
    })
    expect(new Date(line['time'] as string).toISOString()).toBe(line['time'])
  })

  test('children add their fields; those of the message win', () => {
    const line = logged((logger) => logger.child({ a: 1, b: 1 }).child({ b: 2, c: 2 }).info('x', { c: 3 }))
    expect(line).toMatchObject({ a: 1, b: 2, c: 3 })
  })

  test('a field cannot pass for what each line has of its own', () => {
    expect(logged((logger) => logger.info('x', { level: 'error', message: 'y', time: 0 }))).toMatchObject({
      level: 'info',
      message: 'x',
      level_: 'error',
      message_: 'y',
      time_: 0,
    })
  })

  test('a failure is told by its code and message, a defect with its stack', () => {
    const failure = new Failure('STORE_FAILED', 'disk full', { cause: new Error('ENOSPC') })
    expect(logged((logger) => logger.error('x', { error: failure }))['error']).toEqual({
      code: 'STORE_FAILED',
      message: 'disk full',
      cause: 'ENOSPC',
    })
    const defect = logged((logger) => logger.error('x', { error: new TypeError('oops') }))['error']
    expect(defect).toMatchObject({ message: 'oops', stack: expect.stringContaining('logger.test') })
  })

  test('nothing that a client sent can steer the terminal', () => {
    const sent = 'a\nb\x1b[2J\x7f\x85\x9b2J'
    const stream = new CapturedStream()
    const logger = logInto(stream, { format: 'json' })
    logger.info(sent, { sent })
    logger.flush()
    expect(stream.text.trimEnd()).not.toMatch(/\p{Cc}/u)
    expect(JSON.parse(stream.text)).toMatchObject({ message: sent, sent })
  })

  test('what has no JSON does not stop the log', () => {
    const cyclic: Record<string, unknown> = { big: 1n }
    cyclic['self'] = cyclic
    expect(logged((logger) => logger.info('x', { cyclic, f: () => 1 }))).toMatchObject({
      message: 'x',
      cyclic: { big: '1' },
    })
  })
})

describe('text', () => {
  const line = (act: (logger: RootLogger) => void): string => {
    const stream = new CapturedStream()
    const logger = logInto(stream, { format: 'text' })
    act(logger)
    logger.flush()
    return stream.text
  }

  test('a clock, the level, the message, and fields', () => {
    expect(line((logger) => logger.info('hello', { a: 1, b: 'x y', c: undefined, d: { e: 1 } }))).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} info {2}hello {2}a=1 {2}b="x y" {2}d=\{"e":1\}\n$/,
    )
  })

  test('nothing that a client sent can forge a line or steer the terminal', () => {
    const sent = 'a\nb\x1b[2J\x7f\x85\x9b2J'
    const text = line((logger) => logger.info(sent, { sent, within: { sent }, error: new Error(sent) }))
    const [first = '', ...stack] = text.trimEnd().split('\n')
    expect(first).toMatch(/sent="a\\nb\\u001b\[2J\\u007f\\u0085\\u009b2J"/)
    for (const one of [first, ...stack]) expect(one).not.toMatch(/\p{Cc}/u)
  })

  test('functions are told by their type', () => {
    expect(line((logger) => logger.info('x', { f: () => 1 }))).toMatch(/f=function\n$/)
  })
})

test.each([
  ['auto', true, false],
  ['auto', false, true],
  ['text', false, false],
  ['json', true, true],
] as const)('format %s on a terminal: %s', (format, isTTY, json) => {
  const stream = new CapturedStream({ isTTY })
  const logger = logInto(stream, { format })
  logger.info('x')
  logger.flush()
  expect(stream.text.startsWith('{')).toBe(json)
})

describe('levels', () => {
  const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

  test.each(levels)('at %s, what is less severe is not written', (level) => {
    const stream = new CapturedStream()
    const logger = logInto(stream, { level })
    for (const one of levels) logger[one](one)
    for (const one of levels) logger.child({ child: true })[one](one)
    logger.flush()
    const expected = levels.slice(0, levels.indexOf(level) + 1)
    expect(stream.lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual([
      ...expected,
      ...expected,
    ])
    expect(levels.filter((one) => logger.enabled(one))).toEqual(expected)
  })

  test('the silent logger has none', () => {
    expect(levels.some((level) => silentLogger().enabled(level))).toBe(false)
    silentLogger().error('x')
  })
})

describe('writing', () => {
  test('lines of one turn go out together, without being asked', async () => {
    const writes: string[] = []
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk: string, _, next) => {
        writes.push(chunk)
        next()
      },
    })
    const logger = createLogger({ level: 'info', format: 'json', stream })
    logger.info('one')
    logger.info('two')
    expect(writes).toHaveLength(0)
    await new Promise(setImmediate)
    expect(writes).toHaveLength(1)
    expect(writes[0]?.split('\n')).toHaveLength(3)
  })

  test('a stream that takes nothing costs bounded memory; what was dropped is counted', async () => {
    let taken = ''
    let release: () => void = () => undefined
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk: string, _, next) => {
        taken += chunk
        release = next
      },
    })
    const logger = createLogger({ level: 'info', format: 'json', stream })
    const big = 'x'.repeat(1 << 20)
    for (let i = 0; i < 20; i++) {
      logger.info(big)
      await new Promise(setImmediate)
    }
    expect(stream.writableLength).toBeLessThan(6 << 20)
    while (stream.writableLength > 0) {
      release()
      await new Promise(setImmediate)
    }
    logger.info('after')
    logger.flush()
    release()
    const last = taken.trimEnd().split('\n').slice(-1)[0] ?? ''
    expect(JSON.parse(last)).toMatchObject({ message: 'log lines were dropped', count: expect.any(Number) })
  })
})

describe('secrets', () => {
  test('passwords in URLs are blotted out wherever they stand', () => {
    const url = 'http://me:hush@h/x'
    const line = logged((logger) =>
      logger.info(`asking ${url}`, { url, list: [url], error: new Error(url, { cause: new Error(url) }) }),
    )
    // The list is the caller's to keep clean; text, messages and errors are not left to chance.
    delete line['list']
    expect(JSON.stringify(line)).not.toContain('hush')
    expect(line['url']).toBe('http://***@h/x')
  })
})

describe('access log', () => {
  const record = {
    id: 'r1',
    method: 'GET',
    url: '/v2/a/tags/list?n=1&token=hush',
    route: 'tags',
    status: 200,
    bytes: 10,
    received: 0,
    milliseconds: 1.23456,
    source: 'disk',
    cached: true,
    complete: true,
    client: '127.0.0.1',
    agent: 'a'.repeat(1000),
  }

  test('one line, without query, of bounded length', () => {
    const line = logged((logger) => createAccessLog(logger)(record))
    expect(line).toMatchObject({
      message: 'request',
      id: 'r1',
      path: '/v2/a/tags/list',
      ms: 1.23,
      cached: true,
    })
    expect(line).not.toHaveProperty('complete')
    expect(line).not.toHaveProperty('received')
    expect(logged((logger) => createAccessLog(logger)({ ...record, received: 7 }))).toMatchObject({
      received: 7,
    })
    expect(String(line['agent']).length).toBeLessThan(200)
    const long = logged((logger) =>
      createAccessLog(logger)({ ...record, url: '/'.repeat(60_000), complete: false }),
    )
    expect(long).toMatchObject({ complete: false })
    expect(JSON.stringify(long).length).toBeLessThan(1200)
  })

  test('is off above info', () => {
    const stream = new CapturedStream()
    const logger = logInto(stream, { level: 'warn' })
    createAccessLog(logger)(record)
    logger.flush()
    expect(stream.text).toBe('')
  })
})
