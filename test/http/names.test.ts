import { afterEach, describe, expect, test } from '@jest/globals'
import { LayoutBuilder, sideBySide } from '../fixtures/layouts.ts'
import { oras } from '../fixtures/producer-layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import {
  startRunningGateway,
  type RunningGateway,
  type RunningGatewayOptions,
} from '../fixtures/running-gateway.ts'

let gateway: RunningGateway
const layout = oras()

async function start(options: RunningGatewayOptions = {}): Promise<void> {
  gateway = await startRunningGateway(sideBySide({ app: layout.files, other: layout.files }), options)
}

afterEach(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

const requestCount = (): number => gateway.sources.reduce((sum, { requests }) => sum + requests.length, 0)
const get = (path: string) => ask(gateway.port, path)

describe('names', () => {
  test.each([
    ['ipfs/kubo', 404, 'NAME_UNKNOWN'],
    ['library/alpine', 404, 'NAME_UNKNOWN'],
    ['ipns/foo', 404, 'NAME_UNKNOWN'],
    ['ipfs/qmyjtig7vlq6stzzopf5w8skfzxzqvgpv4q9v2upnbxbkn', 400, 'NAME_INVALID'],
    ['Library/alpine', 400, 'NAME_INVALID'],
    ['library/../alpine', 400, 'NAME_INVALID'],
    ['a'.repeat(256), 400, 'NAME_INVALID'],
  ])('%s', async (name, status, code) => {
    await start()
    const answer = await get(`/v2/${name}/manifests/latest`)
    expect([answer.status, errorOf(answer).code]).toEqual([status, code])
    expect(requestCount()).toBe(0)
  })

  test('folders can not be left', async () => {
    await start()
    for (const path of ['..', 'app/..', '%2e%2e', 'app/%2e%2e/other', '.']) {
      const answer = await get(`/v2/${gateway.name}/${path}/manifests/1.0`)
      expect([path, answer.status, errorOf(answer).code]).toEqual([path, 400, 'NAME_INVALID'])
    }
    expect(requestCount()).toBe(0)
  })

  test('?ns= means an image of that registry, which only for Docker Hub may be content', async () => {
    await start()
    const path = `/v2/${gateway.name}/app/manifests/1.0`
    expect((await get(`${path}?ns=docker.io`)).status).toBe(200)
    const asked = requestCount()
    for (const namespace of ['evil.example', 'ghcr.io', '127.0.0.1:1', 'a%20b', '']) {
      const answer = await get(`${path}?ns=${namespace}`)
      expect([namespace, answer.status, errorOf(answer).code]).toEqual([namespace, 404, 'NAME_UNKNOWN'])
    }
    expect(requestCount()).toBe(asked)
  })

  test('one root has one content, however its CID is written', async () => {
    const files = new LayoutBuilder()
    files.list(files.image(), { ref: 'v1' })
    gateway = await startRunningGateway(files.files())
    const v1 = gateway.tree.root
    const capital = v1.toString().toUpperCase()
    for (const name of [v1.toV0().toString(), v1.toString(), capital]) {
      const answer = await get(`/v2/ipfs/${name}/manifests/v1`)
      expect([name, answer.status]).toEqual([name, 200])
    }
  })
})

describe('allow and deny lists', () => {
  test('what is denied is not even asked for', async () => {
    await start({ deny: ['/ipfs/*/app'] })
    for (const rest of ['manifests/1.0', `blobs/${layout.root.digest}`, 'tags/list']) {
      const answer = await get(`/v2/${gateway.name}/app/${rest}`)
      expect(answer.status).toBe(403)
      expect(errorOf(answer).code).toBe('DENIED')
    }
    expect(requestCount()).toBe(0)
    expect((await get(`/v2/${gateway.name}/other/manifests/1.0`)).status).toBe(200)
  })

  test('a layout above an allowed folder is not served through it, unless it is allowed itself', async () => {
    await start({ allow: ['/ipfs/*/app/deeper/**'] })
    const above = await get(`/v2/${gateway.name}/app/deeper/x/manifests/1.0`)
    expect([above.status, errorOf(above).code]).toEqual([403, 'DENIED'])
    const index = await get(`/v2/${gateway.name}/app/deeper/x/tags/list`)
    expect(index.status).toBe(403)
    await gateway.close()
    await start({ allow: ['/ipfs/*/app'] })
    expect((await get(`/v2/${gateway.name}/app/deeper/x/manifests/1.0`)).status).toBe(200)
  })

  test('what is not on the allow list is not even asked for', async () => {
    await start({ allow: ['/ipfs/*/other'] })
    const answer = await get(`/v2/${gateway.name}/app/manifests/1.0`)
    expect([answer.status, errorOf(answer).code]).toEqual([403, 'DENIED'])
    expect(requestCount()).toBe(0)
    expect((await get(`/v2/${gateway.name}/other/manifests/1.0`)).status).toBe(200)
  })
})

describe('economy', () => {
  test('a cold pull asks once for the index and once for every object', async () => {
    const files = new LayoutBuilder()
    const image = files.image({ layers: ['one', 'two', 'three'] })
    files.list(image, { ref: 'v1' })
    gateway = await startRunningGateway(files.files())
    const answer = await get(`/v2/${gateway.name}/manifests/v1`)
    const manifest = JSON.parse(answer.body.toString()) as {
      config: { digest: string }
      layers: { digest: string }[]
    }
    const objects = [manifest.config, ...manifest.layers]
    for (const { digest } of objects) {
      expect((await get(`/v2/${gateway.name}/blobs/${digest}`)).status).toBe(200)
    }
    expect(requestCount()).toBeLessThanOrEqual(1 + objects.length + 1)
    const before = requestCount()
    expect((await get(`/v2/${gateway.name}/manifests/v1`)).status).toBe(200)
    for (const { digest } of objects) await get(`/v2/${gateway.name}/blobs/${digest}`)
    expect(requestCount()).toBe(before)
  })
})
