import { describe, expect, test } from '@jest/globals'
import { Health } from '../../../src/observability/health.ts'

/** A source whose answer the test decides. */
class Source {
  readonly name: string
  up: boolean

  constructor(name: string, up: boolean) {
    this.name = name
    this.up = up
  }

  async healthy(): Promise<boolean> {
    return this.up
  }
}

function healthOf(sources: Source[], { store = true } = {}) {
  return new Health({ storeReady: () => store, sources }, { failuresAllowed: 3 })
}

describe('readiness', () => {
  test('is not there before a source has answered', async () => {
    const health = healthOf([new Source('kubo', true)])
    expect(health.readiness()).toEqual({ ready: false, reasons: ['no source answers'], sources: {} })
    await health.check()
    expect(health.readiness()).toEqual({ ready: true, reasons: [], sources: { kubo: true } })
  })

  test('needs one source, not all', async () => {
    const health = healthOf([new Source('a', false), new Source('b', true)])
    await health.check()
    expect(health.readiness()).toMatchObject({ ready: true, sources: { a: false, b: true } })
  })

  test('is lost after several silent rounds, and back after one answer', async () => {
    const source = new Source('kubo', true)
    const health = healthOf([source])
    await health.check()
    source.up = false
    const seen: boolean[] = []
    for (let round = 0; round < 4; round++) {
      await health.check()
      seen.push(health.readiness().ready)
    }
    expect(seen).toEqual([true, true, false, false])
    source.up = true
    await health.check()
    expect(health.readiness().ready).toBe(true)
  })

  test('needs the store', async () => {
    const health = healthOf([new Source('kubo', true)], { store: false })
    await health.check()
    expect(health.readiness()).toMatchObject({ ready: false, reasons: ['the store is not open'] })
  })

  test('ends with draining', async () => {
    const health = healthOf([new Source('kubo', true)])
    await health.check()
    health.drain()
    expect(health.readiness()).toMatchObject({ ready: false, reasons: ['shutting down'] })
  })
})

describe('checks', () => {
  test('a source that never answers does not hold up the round', async () => {
    const mute = { name: 'mute', healthy: () => new Promise<boolean>(() => undefined) }
    const health = new Health(
      { storeReady: () => true, sources: [mute, new Source('b', true)] },
      { timeout: 20 },
    )
    await health.check()
    expect(health.readiness()).toMatchObject({ ready: true, sources: { mute: false, b: true } })
  })

  test('a source that throws counts as silent', async () => {
    const broken = { name: 'broken', healthy: () => Promise.reject(new Error('x')) }
    const health = new Health({ storeReady: () => true, sources: [broken] })
    await health.check()
    expect(health.readiness().sources).toEqual({ broken: false })
  })

  test('go on until stopped, and tell what they find', async () => {
    const told: [string, boolean][] = []
    let twice: () => void = () => undefined
    const seenTwice = new Promise<void>((resolve) => (twice = resolve))
    const health = new Health(
      {
        storeReady: () => true,
        sources: [new Source('a', true)],
        onSource: (name, healthy) => {
          told.push([name, healthy])
          if (told.length === 2) twice()
        },
      },
      { interval: 1 },
    )
    await health.start()
    await keepingAwake(seenTwice)
    health.stop()
    const count = told.length
    await health.check()
    expect(told.slice(0, 2)).toEqual([
      ['a', true],
      ['a', true],
    ])
    expect(told.length).toBeLessThanOrEqual(count + 1)
  })
})

/** The checks' own timer does not keep the process alive; a test's has to. */
async function keepingAwake<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1000)
  try {
    return await promise
  } finally {
    clearInterval(timer)
  }
}
