import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Fault } from './harness/counting-proxy.ts'
import { brought, download, downloadUntilRight } from './harness/download.ts'
import type { Download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const LAYER = 1_500_000
const MIDDLE = 700_000
const END = LAYER - 300

/** Ways of spoiling the answer that carries a layer. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['flips a bit at the start', { kind: 'flip', offset: 5_000 }],
  ['flips a bit in the middle', { kind: 'flip', offset: MIDDLE }],
  ['flips a bit at the end', { kind: 'flip', offset: END }],
  ['breaks the connection in the middle', { kind: 'cut', offset: MIDDLE }],
  ['ends the answer early as if it were whole', { kind: 'cut', offset: MIDDLE, clean: true }],
  ['leaves out the end as if it were whole', { kind: 'cut', offset: END, clean: true }],
  ['stalls before the first byte', { kind: 'stall', offset: 0 }],
  ['stalls in the middle', { kind: 'stall', offset: MIDDLE }],
  ['adds bytes', { kind: 'lengthen', bytes: 1000 }],
  ['never answers', { kind: 'mute' }],
]

const KINDS = [
  ['a trustless gateway', 'gateway', 'gateway'],
  ["Kubo's RPC", 'kubo', 'api'],
  ['a trusted gateway', 'trusted-gateway', 'gateway'],
] as const

describeWith(['ipfs', 'umoci'], 'a source that fails', () => {
  const teardown = new Teardown()
  let kubo: KuboNode
  let root: string
  let layers: readonly string[]
  let manifest: string
  beforeAll(async () => {
    const folder = await tempFolder(teardown)
    const layout = join(folder, 'app')
    // Every case has layers of its own, so that each is cold.
    await makeImage(layout, 'v1', {
      layers: Array.from({ length: 2 * FAULTS.length }, () => LAYER),
      seed: 'faults',
    })
    manifest = (await descriptorOf(layout, 'v1')).digest
    layers = (await manifestOf(layout, manifest)).layers?.map((layer) => layer.digest) ?? []
    kubo = await KuboNode.start(teardown)
    root = await kubo.add(layout)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  describe.each(KINDS)('%s', (_, kind, endpoint) => {
    const flags = ['--stall-timeout', '1s', '--answer-timeout', '10s', '--hedge-delay', '500ms']
    const own = new Teardown()
    let bad: CountingProxy
    let alone: Gateway
    let helped: Gateway
    beforeAll(async () => {
      bad = await CountingProxy.start(own, kubo[endpoint])
      const good = await CountingProxy.start(own, kubo[endpoint])
      alone = await Gateway.start(own, { sources: [`${kind}=${bad.url}`], flags })
      helped = await Gateway.start(own, { sources: [`${kind}=${bad.url}`, `${kind}=${good.url}`], flags })
    }, 60_000)
    afterAll(() => own.run(), 60_000)

    /** Spoil the answers for one object; a source may be asked for it by its path. */
    function spoil(digest: string, fault: Fault): void {
      const hex = digest.slice(digest.indexOf(':') + 1)
      bad.fault = ({ url }) => (url.includes(hex) ? fault : undefined)
    }

    function heal(): void {
      bad.fault = () => undefined
    }

    const urlOf = (gateway: Gateway, digest: string, what = 'blobs'): string =>
      `${gateway.url}/v2/ipfs/${root}/${what}/${digest}`

    /** A complete answer is a right one. */
    function expectNothingWrong(got: Download, digest: string): void {
      if (got.status === 200 && got.complete) expect(got.digest).toBe(digest)
      else expect([0, 200, 500, 502, 503, 504]).toContain(got.status)
    }

    describe.each(FAULTS.map(([title, fault], i) => [title, fault, i] as const))(
      'that %s',
      (_title, fault, i) => {
        test('never makes a wrong answer, and is used again once it is well', async () => {
          const digest = layers[i] as string
          spoil(digest, fault)
          const before = bad.requests.length
          expectNothingWrong(await download(urlOf(alone, digest)), digest)
          expect(bad.requests.length).toBeGreaterThan(before)
          heal()
          await downloadUntilRight(urlOf(alone, digest), digest)
        }, 90_000)

        test('is made up for by a second source', async () => {
          const digest = layers[FAULTS.length + i] as string
          spoil(digest, fault)
          const got = await download(urlOf(helped, digest))
          // Without proofs a flipped bit shows only when the whole blob is there: the client must ask again.
          if (kind !== 'gateway' && fault.kind === 'flip') {
            expectNothingWrong(got, digest)
            await downloadUntilRight(urlOf(helped, digest), digest)
          } else {
            expect({ ...got, right: brought(got, digest) }).toEqual({ ...got, right: true })
          }
          heal()
        }, 90_000)
      },
    )

    test.each([
      ['flip', { kind: 'flip', offset: 250 }],
      ['cut', { kind: 'cut', offset: 200, clean: true }],
      ['lengthen', { kind: 'lengthen', bytes: 10 }],
    ] as const)(
      '%s: a spoilt manifest is not passed on and not kept',
      async (_name, fault) => {
        const gateway = await Gateway.start(own, { sources: [`${kind}=${bad.url}`], flags })
        spoil(manifest, fault)
        expectNothingWrong(await download(urlOf(gateway, manifest, 'manifests')), manifest)
        heal()
        await downloadUntilRight(urlOf(gateway, manifest, 'manifests'), manifest)
        await gateway.down()
      },
      90_000,
    )
  })
})
