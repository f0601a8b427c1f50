import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent } from 'undici'
import { endpointAt } from '../../src/content/transport/endpoint.ts'
import { storedBlocks } from '../../src/roots/kubo/blocks.ts'
import { MfsReader } from '../../src/roots/kubo/mfs.ts'
import { MfsWriter } from '../../src/roots/kubo/mfs-writer.ts'
import { whileUncollected } from '../../src/roots/kubo/uncollected.ts'
import { KuboNode } from './harness/kubo.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['ipfs'], 'garbage collection of Kubo', () => {
  const teardown = new Teardown()
  const dispatcher = new Agent()
  const { signal } = new AbortController()
  let node: KuboNode
  let mfs: MfsReader
  let writer: MfsWriter

  beforeAll(async () => {
    teardown.defer(() => dispatcher.destroy())
    node = await KuboNode.start(teardown)
    const kubo = { baseUrl: node.api, dispatcher }
    mfs = new MfsReader(kubo, storedBlocks(endpointAt(node.api, { name: 'kubo', dispatcher })))
    writer = new MfsWriter(kubo, mfs)
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  const gc = () => node.ipfs(['repo', 'gc', '--quiet'])
  /** A collection that has begun to wait: it has looked at MFS by then. */
  const waitingCollection = async (): Promise<{ done: Promise<unknown> }> => {
    let ended = false
    const done = gc().finally(() => (ended = true))
    await delay(500)
    expect(ended).toBe(false)
    return { done }
  }

  test('waits while something is done, and leaves no pin', async () => {
    const pins = async (): Promise<string> =>
      (await node.ipfs(['pin', 'ls'])).trim().split('\n').sort().join('\n')
    const before = await pins()
    const steps: string[] = []
    let collecting: Promise<unknown> = Promise.resolve()
    await whileUncollected({ baseUrl: node.api, dispatcher }, signal, async () => {
      collecting = (await waitingCollection()).done.then(() => steps.push('collected'))
      steps.push('done')
    })
    await collecting
    expect(steps).toEqual(['done', 'collected'])
    expect(await pins()).toBe(before)
  })

  test('takes no folder of MFS that came after it has looked at MFS', async () => {
    await writer.change(signal, (change) => change.makeFolder('/kept/before'))
    let collecting: Promise<unknown> = Promise.resolve()
    const { collected } = await writer.change(signal, async (change) => {
      collecting = (await waitingCollection()).done
      await change.makeFolder('/kept/meanwhile/below')
    })
    expect(collected).toBe(true)
    await collecting
    await node.kill()
    await node.up()
    expect((await mfs.names('/kept', signal)).toSorted()).toEqual(['before', 'meanwhile'])
    expect(await mfs.names('/kept/meanwhile', signal)).toEqual(['below'])
    const after = await writer.change(signal, (change) => change.makeFolder('/kept/after'))
    expect(after.collected).toBe(false)
  }, 60_000)

  test('does not keep an action from failing', async () => {
    const failing = writer.change(signal, async (change) => {
      await change.makeFolder('/kept/half')
      throw new Error('in the middle')
    })
    await expect(failing).rejects.toThrow('in the middle')
    expect(await mfs.names('/kept/half', signal)).toEqual([])
    await gc()
  })
})
