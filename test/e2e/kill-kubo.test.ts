import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent } from 'undici'
import { createKuboRootStore } from '../../src/roots/kubo/kubo-root-store.ts'
import { Gateway } from './harness/gateway-process.ts'
import { killRounds } from './harness/kill-rounds.ts'
import { KILL_PROGRAMS, KilledPushes } from './harness/killed-pushes.ts'
import { KuboNode } from './harness/kubo.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const { rounds, random } = killRounds(10)
/** ms for which pushing goes on after something was killed, at most. */
const LONGER = 400
/** ms that an upload is kept. */
const UPLOADS = 24 * 3_600_000

describeWith(['ipfs', ...KILL_PROGRAMS], 'two gateways over one Kubo, of which one is killed', () => {
  const teardown = new Teardown()
  let kubo: KuboNode
  let gateways: Gateway[]
  let pushes: KilledPushes
  let pinned: string

  const pins = async (): Promise<string> =>
    (await kubo.ipfs(['pin', 'ls', '--type=recursive'])).trim().split('\n').sort().join('\n')

  beforeAll(async () => {
    kubo = await KuboNode.start(teardown)
    pinned = await pins()
    // Without a store nothing that Kubo has lost is in a cache.
    const options = {
      sources: [`kubo=${kubo.api}`],
      store: 'memory',
      flags: ['--push', '--upstream', 'none', '--no-publish-names'],
    }
    gateways = await Promise.all([1, 2].map(() => Gateway.start(teardown, options)))
    pushes = await KilledPushes.prepare(teardown, gateways)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  /** Every block below the versions of the root is stored. */
  async function expectWholeRoots(): Promise<void> {
    const folder = (await kubo.ipfs(['files', 'stat', '--hash', '/ipfs-registry/roots'])).trim()
    await kubo.ipfs(['refs', '--recursive', '--unique', '--offline', folder])
  }

  /** As when uploads are long over: what is left of them is let go of. */
  async function sweep(): Promise<void> {
    const dispatcher = new Agent()
    const store = createKuboRootStore({
      kubo: { baseUrl: kubo.api, dispatcher },
      history: 20,
      uploadTimeout: UPLOADS,
      now: () => Date.now() + 2 * UPLOADS,
    })
    await store.sweep(AbortSignal.timeout(60_000))
    await dispatcher.close()
  }

  test(
    `all that was acknowledged is there, ${rounds} times`,
    async () => {
      console.log(`KILL_ROUNDS=${rounds} KILL_SEED=${random.seed}`)
      for (let number = 1; number <= rounds; number += 1) {
        const own = random.named(number)
        const victim = own.pick([...gateways, kubo])
        // It may be killed in the middle of a collection, too.
        const collecting = own.percent(25) ? kubo.ipfs(['repo', 'gc', '--quiet']).catch(() => '') : undefined
        await pushes.round({
          number,
          random: own,
          kill: async () => {
            await victim.kill()
            await delay(own.below(LONGER))
          },
          restart: () => victim.up(),
        })
        await collecting
        if (own.percent(25)) await kubo.ipfs(['repo', 'gc', '--quiet'])
        await pushes.expectAll(own)
      }
      await kubo.ipfs(['repo', 'gc', '--quiet'])
      for (const gateway of gateways) {
        await gateway.down()
        await gateway.up()
      }
      await pushes.expectAll(random, true)
      await expectWholeRoots()
      console.log('acknowledged', pushes.counts)
      expect(pushes.counts.objects).toBeGreaterThan(4 * rounds)
    },
    60_000 + rounds * 30_000,
  )

  test('nothing stays pinned', async () => {
    await sweep()
    expect(await pins()).toBe(pinned)
    await kubo.ipfs(['repo', 'gc', '--quiet'])
    await expectWholeRoots()
  }, 120_000)
})
