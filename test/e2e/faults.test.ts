import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { crossOf, idOf, KINDS, sampleOf } from './faults/cross.ts'
import type { Origins } from './faults/bench.ts'
import { runCases } from './faults/run.ts'
import { KuboNode } from './harness/kubo.ts'
import { Registry } from './harness/registry.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

/*
 * The environment says how much of the cross is run: FAULT_SHARE (of 1), FAULT_SEED, and FAULT_ONLY for cases whose name
 * begins so, as a failure tells it. `npm run test:faults -- --share 0.1` sets them.
 */
const share = Number(process.env['FAULT_SHARE'] ?? 0.005)
const seed = process.env['FAULT_SEED'] ?? randomBytes(4).toString('hex')
const only = process.env['FAULT_ONLY']

const { cases: all, excluded } = crossOf(KINDS)
const cases =
  only === undefined ? sampleOf(all, share, seed) : all.filter((one) => idOf(one).startsWith(only))

describeWith(['ipfs', 'registry'], 'whatever a source does wrong', () => {
  const teardown = new Teardown()
  let origins: Origins
  beforeAll(async () => {
    const [kubo, registry] = await Promise.all([KuboNode.start(teardown), Registry.start(teardown)])
    origins = { kubo, registry }
    const out = [...excluded].map(([why, count]) => `${count}: ${why}`).join('; ')
    say(`${cases.length} of ${all.length} cases, seed ${seed}. No cases: ${out}`)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test.each(KINDS)(
    '%s: no wrong answer, the right status in time, and nothing is left of it',
    async (kind) => {
      const own = cases.filter((one) => one.kind === kind)
      const failures = await runCases(kind, own, origins, say)
      for (const failure of failures) say(`npm run test:faults -- --only ${failure}`)
      expect(failures).toEqual([])
    },
    4 * 3_600_000,
  )
})

function say(line: string): void {
  process.stderr.write(`faults: ${line}\n`)
}
