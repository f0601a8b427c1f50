import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Gateway } from './harness/gateway-process.ts'
import { killRounds } from './harness/kill-rounds.ts'
import { KILL_PROGRAMS, KilledPushes } from './harness/killed-pushes.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const { rounds, random } = killRounds(10)
/** Rounds from one garbage collection to the next. */
const COLLECT_EVERY = 4

describeWith(KILL_PROGRAMS, 'a gateway with its store, killed while it is pushed to', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let pushes: KilledPushes

  beforeAll(async () => {
    const flags = ['--push', '--upstream', 'none', '--root-history', '5']
    gateway = await Gateway.start(teardown, { sources: ['embedded'], flags })
    pushes = await KilledPushes.prepare(teardown, [gateway])
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test(
    `has all that it acknowledged, ${rounds} times`,
    async () => {
      console.log(`KILL_ROUNDS=${rounds} KILL_SEED=${random.seed}`)
      const collect = ['gc', '--store', gateway.store, '--source', 'embedded']
      for (let number = 1; number <= rounds; number += 1) {
        const own = random.named(number)
        const collecting = number % COLLECT_EVERY === 0 ? gateway.attempt(collect) : undefined
        await pushes.round({
          number,
          random: own,
          kill: async () => {
            await gateway.kill()
            // Where it is too late for the gateway it works on the store itself.
            await collecting
          },
          restart: () => gateway.up(),
        })
        await pushes.expectAll(own)
      }
      await gateway.command(collect)
      await gateway.down()
      await gateway.up()
      await pushes.expectAll(random, true)
      console.log('acknowledged', pushes.counts)
      expect(pushes.counts.objects).toBeGreaterThan(4 * rounds)
    },
    60_000 + rounds * 30_000,
  )
})
