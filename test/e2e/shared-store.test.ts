import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { brought, download } from './harness/download.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { freePorts } from './harness/ports.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['umoci'], 'a store that a gateway holds', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let layout: string
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, 'v1', { layers: [2_500_000], seed: 'shared-store' })
    gateway = await Gateway.start(teardown, { sources: ['embedded'] })
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  test('is published to and inspected through that gateway', async () => {
    const path = `/${repositoryOf(await gateway.publish(layout))}`
    const digest = (await descriptorOf(layout, 'v1')).digest
    const layer = (await manifestOf(layout, digest)).layers?.[0]?.digest ?? ''
    expect(brought(await download(`${gateway.url}/v2${path}/blobs/${layer}`), layer)).toBe(true)

    const inspected = await gateway.command(['inspect', path, '--json', '--store', gateway.store])
    expect(JSON.parse(inspected)).toMatchObject({ images: [{ tag: 'v1', digest }] })
  }, 60_000)

  test('takes two publications at once', async () => {
    const other = join(await tempFolder(teardown), 'other')
    await makeImage(other, 'v2', { layers: [2_500_000], seed: 'shared-store/other' })
    const roots = await Promise.all([
      gateway.publish(layout),
      gateway.publish(other),
      gateway.publish(layout),
    ])
    expect(roots[0].root).toBe(roots[2].root)
    expect(roots[0].root).not.toBe(roots[1].root)
  }, 60_000)

  test('is refused to a second gateway, which says so', async () => {
    const [port, admin] = await freePorts(2)
    const result = await gateway.attempt(
      [
        ...['serve', '--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${admin}`],
        ...['--store', gateway.store],
      ],
      { timeout: 30_000 },
    )
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(gateway.store)
    expect((await download(`${gateway.url}/v2/`)).status).toBe(200)
  }, 60_000)

  test('is published to directly when no gateway holds it', async () => {
    const published = await gateway.publish(layout)
    await gateway.down()
    expect(await gateway.publish(layout)).toMatchObject({ root: published.root })
    await gateway.up()
    const got = await download(`${gateway.url}/v2/${repositoryOf(published)}/tags/list`)
    expect(JSON.parse(got.text)).toMatchObject({ tags: ['latest', 'v1'] })
  }, 60_000)
})
