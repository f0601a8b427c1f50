import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { brought, download } from './harness/download.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['umoci'], 'SIGTERM', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let url: string
  let layer: string
  beforeAll(async () => {
    const layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, 'v1', { layers: [48_000_000], seed: 'drain' })
    const { layers } = await manifestOf(layout, (await descriptorOf(layout, 'v1')).digest)
    layer = layers?.[0]?.digest ?? ''
    gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    url = `${gateway.url}/v2/${repositoryOf(await gateway.publish(layout))}/blobs/${layer}`
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  test('lets a slow download finish, takes no new ones, and ends with 0', async () => {
    let begun: () => void = () => undefined
    const started = new Promise<void>((resolve) => (begun = resolve))
    // 48 MB in pieces of 64 KiB, each 2 ms apart: more than a second, far more than sockets buffer.
    const slow = download(url, { pause: 2, onBytes: () => begun() })
    await started
    gateway.process.kill('SIGTERM')
    const refused = async (): Promise<boolean> => (await download(`${gateway.url}/v2/`)).status !== 200
    const end = Date.now() + 5000
    while (!(await refused())) expect(Date.now()).toBeLessThan(end)
    expect(gateway.process.running()).toBe(true)
    expect(brought(await slow, layer)).toBe(true)
    expect(await gateway.process.exited).toEqual({ code: 0, signal: null })
  }, 60_000)

  test('does not wait for a client that takes nothing, past the grace', async () => {
    const impatient = await Gateway.start(teardown, {
      sources: ['embedded'],
      store: gateway.store,
      flags: ['--shutdown-grace', '1s'],
    })
    const leave = new AbortController()
    let begun: () => void = () => undefined
    const started = new Promise<void>((resolve) => (begun = resolve))
    const stuck = download(url.replace(gateway.url, impatient.url), {
      pause: 600_000,
      onBytes: () => begun(),
      signal: leave.signal,
    })
    await started
    impatient.process.kill('SIGTERM')
    await impatient.process.exited
    leave.abort()
    void stuck
  }, 30_000)
})
