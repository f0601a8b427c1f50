import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Fault } from './harness/counting-proxy.ts'
import { brought, download, downloadUntilRight } from './harness/download.ts'
import type { Download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { downloadImage } from './harness/image-download.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const LAYER = 1_000_000
const MIDDLE = 600_000
const END = LAYER - 300
const HTML = { 'content-type': 'text/html' }

/** Ways of spoiling the answer that carries a layer. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['flips a bit at the start', { kind: 'flip', offset: 5_000 }],
  ['flips a bit in the middle', { kind: 'flip', offset: MIDDLE }],
  ['flips a bit at the end', { kind: 'flip', offset: END }],
  ['breaks the connection in the middle', { kind: 'cut', offset: MIDDLE }],
  ['ends the answer early as if it were whole', { kind: 'cut', offset: END, clean: true }],
  ['stalls before the first byte', { kind: 'stall', offset: 0 }],
  ['stalls in the middle', { kind: 'stall', offset: MIDDLE }],
  ['adds bytes', { kind: 'lengthen', bytes: 1000 }],
  ['never answers', { kind: 'mute' }],
  ['answers 500', { kind: 'answer', status: 500 }],
  ['answers with a web page', { kind: 'answer', status: 200, headers: HTML, body: '<html>Log in</html>' }],
  ['answers 200 with nothing', { kind: 'answer', status: 200 }],
  ['compresses what it sends', { kind: 'gzip' }],
]

const MANIFEST_FAULTS: readonly (readonly [string, Fault])[] = [
  ['flips a bit', { kind: 'flip', offset: 250 }],
  ['ends early', { kind: 'cut', offset: 200, clean: true }],
  ['breaks off', { kind: 'cut', offset: 200 }],
  ['lengthens', { kind: 'lengthen', bytes: 10 }],
  ['makes a web page', { kind: 'answer', status: 200, headers: HTML, body: '<html>Log in</html>' }],
  ['leaves out', { kind: 'answer', status: 200 }],
  ['compresses', { kind: 'gzip' }],
  ['is silent about', { kind: 'mute' }],
  ['answers 503 for', { kind: 'answer', status: 503 }],
]

describeWith(['registry', 'umoci', 'skopeo'], 'an upstream that fails', () => {
  const flags = ['--stall-timeout', '1s', '--hedge-delay', '500ms', '--answer-timeout']
  const repository = 'registry.example/team/app'
  const teardown = new Teardown()
  let layout: string
  let registry: Registry
  let bad: CountingProxy
  /** With nothing but the bad one, and with another beside it. */
  let alone: Gateway
  let helped: Gateway
  let manifest: string
  let layers: readonly string[]
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    // Every case has layers of its own, so that each is cold.
    await makeImage(layout, 'v1', {
      layers: Array.from({ length: 2 * FAULTS.length }, () => LAYER),
      seed: 'upstream-faults',
    })
    manifest = (await descriptorOf(layout, 'v1')).digest
    layers = (await manifestOf(layout, manifest)).layers?.map((layer) => layer.digest) ?? []
    registry = await Registry.start(teardown)
    await registry.push(layout, 'v1', 'team/app')
    bad = await CountingProxy.start(teardown, registry.url)
    const good = await CountingProxy.start(teardown, registry.url)
    alone = await startGateway(`registry.example=${bad.url}`, '3s')
    helped = await startGateway(`registry.example=${bad.url};fallback=${good.url}`)
    for (const gateway of [alone, helped]) await download(urlOf(gateway, 'manifests/v1'))
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  async function startGateway(upstream: string, answerTimeout = '10s'): Promise<Gateway> {
    const options = { sources: ['embedded'], flags: [...flags, answerTimeout, '--upstream', upstream] }
    return Gateway.start(teardown, options)
  }

  /** A gateway asks a host that has failed last for a while: start it anew. */
  async function forget(gateway: Gateway): Promise<void> {
    await gateway.down()
    await gateway.up()
  }

  const urlOf = (gateway: Gateway, path: string): string => `${gateway.url}/v2/${repository}/${path}`

  /** Spoil the answers for what has this in its path. */
  function spoil(part: string, fault: Fault): void {
    bad.fault = ({ url }) => (url.includes(part) ? fault : undefined)
  }

  function heal(): void {
    bad.fault = () => undefined
  }

  /** A complete answer is a right one. */
  function expectNothingWrong(got: Download, digest: string): void {
    if (got.status === 200 && got.complete) expect(got.digest).toBe(digest)
    else expect([0, 200, 502, 503, 504]).toContain(got.status)
  }

  describe.each(FAULTS.map(([title, fault], i) => [title, fault, i] as const))(
    'that %s',
    (_title, fault, i) => {
      test('never makes a wrong layer, and is used again once it is well', async () => {
        const digest = layers[i] as string
        spoil(digest, fault)
        const before = bad.requests.length
        expectNothingWrong(await download(urlOf(alone, `blobs/${digest}`)), digest)
        expect(bad.requests.length).toBeGreaterThan(before)
        heal()
        await downloadUntilRight(urlOf(alone, `blobs/${digest}`), digest)
      }, 90_000)

      test('is made up for by a fall-back', async () => {
        const digest = layers[FAULTS.length + i] as string
        await forget(helped)
        spoil(digest, fault)
        const before = bad.requests.length
        const got = await download(urlOf(helped, `blobs/${digest}`))
        expect(bad.requests.length).toBeGreaterThan(before)
        // Wrong bytes show only when the whole layer is there: the client must ask again.
        if (fault.kind === 'flip') {
          expectNothingWrong(got, digest)
          await downloadUntilRight(urlOf(helped, `blobs/${digest}`), digest)
        } else {
          expect({ ...got, right: brought(got, digest) }).toEqual({ ...got, right: true })
        }
        heal()
      }, 90_000)
    },
  )

  describe.each(MANIFEST_FAULTS)('a manifest that it %s', (title, fault) => {
    test.each(['tag', 'digest'])(
      'is not passed on and not kept, by %s',
      async (by) => {
        const tag = `${title.replaceAll(' ', '-')}-${by}`
        const digest = await offerVariant(tag)
        const path = `manifests/${by === 'tag' ? tag : digest}`
        spoil('/manifests/', fault)
        const before = bad.requests.length
        expectNothingWrong(await download(urlOf(alone, path)), digest)
        expect(bad.requests.length).toBeGreaterThan(before)
        heal()
        await downloadUntilRight(urlOf(alone, path), digest)
      },
      60_000,
    )
  })

  /** Put the image into the registry once more, with a manifest that nobody has asked for; its digest. */
  async function offerVariant(tag: string): Promise<string> {
    const original = await manifestOf(layout, manifest)
    const body = JSON.stringify({ ...original, annotations: { tag } })
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
    const url = `${registry.url}/v2/team/app/manifests/${tag}`
    const answer = await fetch(url, { method: 'PUT', headers, body })
    expect(answer.status).toBe(201)
    return answer.headers.get('docker-content-digest') ?? ''
  }

  test('a pull succeeds while the registry itself is down', async () => {
    const dead = await CountingProxy.start(teardown, registry.url)
    const gateway = await startGateway(`registry.example=${dead.url};fallback=${registry.url}`)
    await dead.stop()
    expect(await downloadImage(urlOf(gateway, '').replace(/\/$/, ''), layout, 'v1')).toEqual([])
  }, 60_000)
})
