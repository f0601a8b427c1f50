import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { hexOf, makeCaseImage, writeLayout } from './faults/content.ts'
import { crossOf, idOf, type Kind, KINDS, sampleOf } from './faults/cross.ts'
import type { Origins } from './faults/bench.ts'
import { ask } from './faults/question.ts'
import { runCases } from './faults/run.ts'
import { until } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { Gateway } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'
import { Registry } from './harness/registry.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith } from './harness/tools.ts'

/*
 * The environment says how much of the cross is run: FAULT_SHARE (of 1), FAULT_SEED, and FAULT_ONLY for cases whose name
 * begins so, as a failure tells it. `npm run test:faults -- --share 0.1` sets them.
 */
const only = process.env['FAULT_ONLY'] ?? ''
const share = Number(process.env['FAULT_SHARE'] ?? (only === '' ? 0.005 : 1))
/** The same in every run of all tests, so that a change is judged by what it changes. */
const seed = process.env['FAULT_SEED'] ?? 'every run'

const { cases: all, excluded } = crossOf(KINDS)
const wanted = all.filter((one) => idOf(one).startsWith(only))
const cases = sampleOf(wanted, share, seed)

describeWith(['ipfs', 'registry'], 'whatever a source does wrong', () => {
  const teardown = new Teardown()
  /** Failures by kind. A kind waits much of its time, so some are under way at once. */
  const results = new Map<Kind, Promise<string[]>>()
  beforeAll(async () => {
    const [kubo, registry] = await Promise.all([KuboNode.start(teardown), Registry.start(teardown)])
    const origins: Origins = { kubo, registry }
    const next = turns(3)
    for (const kind of KINDS) {
      const own = cases.filter((one) => one.kind === kind)
      const result = next(() => runCases(kind, own, origins, say))
      result.catch(() => undefined)
      results.set(kind, result)
    }
    const out = [...excluded].map(([why, count]) => `${count}: ${why}`).join('; ')
    say(`${cases.length} of ${all.length} cases, seed ${seed}. No cases: ${out}`)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test.each(KINDS)(
    '%s: no wrong answer, the right status in time, and nothing is left of it',
    async (kind) => {
      const failures = (await results.get(kind)) ?? []
      expect(failures).toEqual([])
    },
    4 * 3_600_000,
  )
})

describeWith(['ipfs'], 'a source that dies in the middle of an answer', () => {
  const teardown = new Teardown()
  const image = makeCaseImage('dying', 'dying', true)
  let kubo: KuboNode
  let ours: Gateway
  let root: string
  beforeAll(async () => {
    const folder = await tempFolder(teardown, 'dying')
    await writeLayout(folder, image)
    kubo = await KuboNode.start(teardown)
    root = await kubo.add(folder)
    ours = await Gateway.start(teardown, { sources: ['embedded'] })
    expect((await ours.publish(folder)).root).toBe(root)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test.each([
    ['gateway', () => kubo.gateway],
    ['gateway', () => ours.url],
    ['kubo', () => kubo.api],
    ['trusted-gateway', () => kubo.gateway],
  ])(
    'of the kind %s is made up for by a second one',
    async (kind, urlOfOrigin) => {
      const dying = await CountingProxy.start(teardown, urlOfOrigin())
      const good = await CountingProxy.start(teardown, urlOfOrigin())
      const gateway = await Gateway.start(teardown, {
        sources: [dying, good].map(({ url }) => `${kind}=${url}`),
        flags: ['--stall-timeout', '1s', '--answer-timeout', '10s'],
      })
      const half = image.layer.size >> 1
      dying.fault = ({ url }) =>
        url.includes(hexOf(image.layer)) ? { kind: 'stall', offset: half } : undefined
      const asking = ask(`${gateway.url}/v2/ipfs/${root}/${image.name}`, 'layer', image)
      await until('half of it', () => dying.requests.some(({ bytes }) => bytes === half))
      await dying.stop()
      const { worth, got } = await asking
      expect([worth, got.status]).toEqual(['right', 200])
      await gateway.down()
    },
    90_000,
  )
})

/** What is given is done when its turn comes, so many at once. */
function turns(atOnce: number): <T>(action: () => Promise<T>) => Promise<T> {
  const ends: Promise<unknown>[] = Array.from({ length: atOnce }, () => Promise.resolve())
  let count = 0
  return (action) => {
    const place = count % atOnce
    count += 1
    const result = (ends[place] ?? Promise.resolve()).then(action)
    ends[place] = result.catch(() => undefined)
    return result
  }
}

function say(line: string): void {
  process.stderr.write(`faults: ${line}\n`)
}
