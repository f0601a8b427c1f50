import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { formatContentPath } from '../../../src/content/source.ts'
import { Failure } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/observability/logger.ts'
import { parseKey } from '../../../src/naming/target.ts'
import { ownNames } from '../../../src/roots/names/own-names.ts'
import { buildRootNames, type BuiltRootNames, type RootNamesParts } from '../../../src/wiring/root-names.ts'
import { createBufferPool, openStore, type OpenStore } from '../../../src/wiring/store.ts'
import { startDelegatedRouter, type DelegatedRouter } from '../../fixtures/delegated-router.ts'
import { load } from '../../fixtures/loaded-settings.ts'
import { recordedMetrics } from '../../fixtures/recorded-metrics.ts'
import { MadeVersions } from '../../fixtures/root-versions.ts'

const signal = new AbortController().signal

let folder: string
let store: OpenStore
let versions: MadeVersions
let router: DelegatedRouter

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'root-names-'))
  store = await open()
  versions = new MadeVersions()
  router = await startDelegatedRouter()
})

afterEach(async () => {
  await store.close()
  await router.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(): Promise<OpenStore> {
  return openStore((await load()).config, folder, createBufferPool())
}

async function built(
  env: Record<string, string>,
  parts: Partial<RootNamesParts> = {},
): Promise<{ names: BuiltRootNames; calls: string[] }> {
  const { metrics, calls } = recordedMetrics()
  const { config } = await load({ env })
  const logger = silentLogger()
  const names = buildRootNames({ config, versions, kubo: undefined, store, metrics, logger, ...parts })
  return { names, calls }
}

test('a push is published, served as a record, put to routers, and still ours after a restart', async () => {
  const env = { IPFS_REGISTRY_IPNS_ROUTER: router.url, IPFS_REGISTRY_ROOT: 'team=work' }
  const { names, calls } = await built(env)
  await names.start(signal)
  const value = await versions.push('home', 'one')
  names.publisher?.changed('home')
  // What waits is published before the end.
  await names.stop(signal)
  expect(await readdir(join(folder, 'keys'))).toEqual(['home'])
  const state = names.publisher?.state('home')
  expect(state).toMatchObject({ keyName: 'home', published: value, sequence: 1n, pending: false })
  const name = parseKey(state?.key ?? '')
  if (name === undefined) throw new Error('no key')
  expect(await store.ipnsRecords.find(name.key)).toMatchObject({ value, lasting: true, ttl: 60 })
  expect([...router.records.keys()]).toEqual([`/routing/v1/ipns/${name.text}`])
  names.measure()
  expect(calls).toContain('root_publications_total{root=home,outcome=ok} 1')
  expect(calls).toContain('root_name_behind_seconds{root=home} 0')
  expect(calls.some((call) => /^root_name_age_seconds\{root=home\} 0/.test(call))).toBe(true)
  expect(names.publisher?.state('team')).toMatchObject({ keyName: 'work', key: undefined })

  await store.close()
  store = await open()
  // The key can't be read any more, and is nevertheless known to be ours.
  await rm(join(folder, 'keys'), { recursive: true })
  const { names: after, calls: told } = await built(env)
  await after.start(signal)
  const network = { resolve: () => Promise.reject(new Failure('INTERNAL', 'asked of the network')) }
  const resolved = await ownNames(network, after.own).resolve(name, { signal })
  expect(formatContentPath(resolved.path)).toBe(value)
  await versions.push('home', 'two')
  after.publisher?.changed('home')
  await after.stop(signal)
  expect(after.publisher?.state('home')?.error).toMatch(/is gone from embedded/)
  expect(told).toContain('root_publications_total{root=home,outcome=unavailable} 1')
  expect(await store.ipnsRecords.find(name.key)).toMatchObject({ value })
})

test('where names are not published, keys are known all the same', async () => {
  const { names } = await built({})
  const key = await names.keys.findOrMake('home', signal)
  const { names: silent } = await built({ IPFS_REGISTRY_PUBLISH_NAMES: 'false' })
  await silent.start(signal)
  expect(silent.publisher).toBeUndefined()
  expect(await silent.keys.rootOf(parseKey(key.cid.toString())?.text ?? '')).toBe('home')
  await silent.stop(signal)
})

test('without a store and a Kubo there is nowhere to publish', async () => {
  await expect(built({}, { store: undefined })).rejects.toMatchObject({ code: 'INTERNAL' })
})
