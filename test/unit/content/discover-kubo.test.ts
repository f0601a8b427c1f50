import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endpointOfMultiaddr } from '../../../src/config/multiaddr.ts'
import { discoverKubo, type FoundKubo } from '../../../src/content/kubo/discover.ts'
import { type KuboRpc, startKuboRpc } from '../../fixtures/kubo-rpc.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../../fixtures/trustless-gateway.ts'

const { signal } = new AbortController()
let repo: string
let rpc: KuboRpc
let gateway: TrustlessGateway

beforeEach(async () => {
  repo = await mkdtemp(join(tmpdir(), 'repo-'))
  rpc = await startKuboRpc()
  gateway = await startTrustlessGateway()
})
afterEach(async () => {
  await rpc.close()
  await gateway.close()
  await rm(repo, { recursive: true })
})

function discover(): Promise<FoundKubo | undefined> {
  return discoverKubo({ repo, endpointOf: endpointOfMultiaddr, usualGateway: gateway.url, signal })
}

async function name(url: string): Promise<void> {
  await writeFile(join(repo, 'api'), `/ip4/127.0.0.1/tcp/${new URL(url).port}\n`)
}

test('trusts the node that the repo names', async () => {
  await name(rpc.url)
  expect(await discover()).toEqual({ kind: 'kubo', url: rpc.url, socketPath: undefined })
})

test('verifies a node that is only found at the usual address', async () => {
  expect(await discover()).toEqual({ kind: 'gateway', url: gateway.url, socketPath: undefined })
})

test('does not take something else for the RPC of the node', async () => {
  await name(gateway.url)
  expect(await discover()).toMatchObject({ kind: 'gateway' })
})

test('passes over a node that left its file behind, and a gateway that is none', async () => {
  await name('http://127.0.0.1:9')
  gateway.faults = { html: true }
  expect(await discover()).toBeUndefined()
})

test('does not wait for something mute', async () => {
  gateway.faults = { slowHead: 60_000 }
  await name(rpc.url)
  rpc.faults = { slowHead: 60_000 }
  expect(await discover()).toBeUndefined()
})
