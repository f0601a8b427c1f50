import { expect, test } from '@jest/globals'
import { runTarget } from './run.ts'
import { TARGETS } from './targets.ts'

// The same inputs each time, so that nothing fails here by chance: `npm run fuzz` is for finding more.
const SEED = 2

test.each(TARGETS)('$name: what always holds does', async (target) => {
  const done = await runTarget(target, { runs: target.quick, seed: SEED })
  const broken = done.filter(({ failure }) => failure !== undefined)
  expect(broken.map(({ law, failure }) => ({ law: law.name, ...failure }))).toEqual([])
})
