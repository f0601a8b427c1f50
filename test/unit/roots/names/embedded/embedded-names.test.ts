import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { base36 } from 'multiformats/bases/base36'
import { Agent } from 'undici'
import { endpointAt } from '../../../../../src/content/transport/endpoint.ts'
import { verifyIpnsRecord } from '../../../../../src/naming/ipns-record.ts'
import { KeptLookup } from '../../../../../src/naming/kept-lookup.ts'
import { KeptRecords } from '../../../../../src/naming/kept-records.ts'
import { parseKey } from '../../../../../src/naming/target.ts'
import { DelegatedRouters } from '../../../../../src/roots/names/embedded/delegated-routers.ts'
import { EmbeddedNames } from '../../../../../src/roots/names/embedded/embedded-names.ts'
import { createKeyFile, readKeyFile } from '../../../../../src/roots/names/embedded/key-file.ts'
import { signRecord } from '../../../../../src/roots/names/embedded/sign-record.ts'
import type { PublishingKey } from '../../../../../src/roots/names/name-publisher.ts'
import { startDelegatedRouter, type DelegatedRouter } from '../../../../fixtures/delegated-router.ts'
import { MapRecords } from '../../../../fixtures/map-records.ts'

const ONE = '/ipfs/bafkqablimvwgy3y'
const TWO = '/ipfs/bafkqabdsmvqwi2lom4'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const LIFETIME = 48 * HOUR
const signal = new AbortController().signal

let folder: string
let records: KeptRecords
let agent: Agent
let routers: DelegatedRouter[]
let time: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-names-'))
  records = new KeptRecords(new MapRecords())
  agent = new Agent()
  routers = []
  time = Date.now()
})

afterEach(async () => {
  await agent.destroy()
  await Promise.all(routers.map((router) => router.close()))
  await rm(folder, { recursive: true, force: true })
})

async function router(): Promise<DelegatedRouter> {
  const started = await startDelegatedRouter()
  routers.push(started)
  return started
}

function names(...to: DelegatedRouter[]): EmbeddedNames {
  const endpoints = to.map(({ url }, at) => endpointAt(url, { name: `router:${at}`, dispatcher: agent }))
  return new EmbeddedNames({
    folder: join(folder, 'keys'),
    records,
    routers: new DelegatedRouters(endpoints),
    now: () => time,
  })
}

async function keyOf(made: EmbeddedNames): Promise<PublishingKey> {
  const cid = (await made.findKey('home')) ?? (await made.makeKey('home'))
  return { name: 'home', cid }
}

/** As the follower of a root does it. */
async function publish(made: EmbeddedNames, key: PublishingKey, value: string) {
  const after = await made.current(key, signal)
  return made.publish(key, { value, after, lifetime: LIFETIME, ttl: MINUTE }, signal)
}

const pathOf = ({ cid }: PublishingKey): string => `/routing/v1/ipns/${cid.toString(base36)}`

describe('a record', () => {
  test('is signed with the key, and kept where the gateway serves and resolves records', async () => {
    const made = names()
    const key = await keyOf(made)
    expect(await made.current(key, signal)).toBeUndefined()
    const published = await publish(made, key, ONE)
    expect(published).toMatchObject({ value: ONE, sequence: 1n, settled: true })
    const kept = await records.find(key.cid)
    expect(kept).toMatchObject({ value: ONE, sequence: 1n, ttl: 60, lasting: true })
    expect(Math.abs((kept?.validUntil ?? 0) - (time + LIFETIME))).toBeLessThan(2)
    const name = parseKey(key.cid.toString())
    expect(name && (await new KeptLookup('embedded', records).lookup(name))).toMatchObject({ value: ONE })
    expect(await made.current(key, signal)).toMatchObject({ value: ONE, sequence: 1n, settled: true })
  })

  test('follows those before it, also after a restart and when they have expired', async () => {
    const made = names()
    const key = await keyOf(made)
    await publish(made, key, ONE)
    await publish(made, key, TWO)
    expect(await records.find(key.cid)).toMatchObject({ value: TWO, sequence: 2n })
    const signing = await readKeyFile(join(folder, 'keys', 'home'))
    if (signing === undefined) throw new Error('no key')
    // One that is kept beyond its end.
    const expired = await signRecord(signing, {
      value: TWO,
      sequence: 40n,
      validUntil: time - HOUR,
      ttl: MINUTE,
    })
    const stored = new MapRecords()
    await stored.put(key.cid, { bytes: expired, lasting: true })
    records = new KeptRecords(stored)
    expect(await records.find(key.cid)).toBeUndefined()
    expect(await publish(names(), key, ONE)).toMatchObject({ sequence: 41n })
    expect(await records.find(key.cid)).toMatchObject({ value: ONE, sequence: 41n })
  })

  test('that was seen elsewhere is followed too', async () => {
    const made = names()
    const key = await keyOf(made)
    const signing = await readKeyFile(join(folder, 'keys', 'home'))
    if (signing === undefined) throw new Error('no key')
    const content = { value: TWO, sequence: 7n, validUntil: time + HOUR, ttl: MINUTE }
    const bytes = await signRecord(signing, content)
    await records.note(key.cid, { ...(await verifyIpnsRecord(key.cid, bytes)), bytes })
    expect(await publish(made, key, ONE)).toMatchObject({ sequence: 8n })
  })

  test('of a key that is gone, broken or another is not made', async () => {
    const made = names()
    const key = await keyOf(made)
    const path = join(folder, 'keys', 'home')
    await rm(path)
    await expect(publish(made, key, ONE)).rejects.toThrow(/is gone, or another one now/)
    await createKeyFile(path)
    await expect(publish(made, key, ONE)).rejects.toThrow(/is gone, or another one now/)
    await writeFile(path, 'broken')
    await expect(publish(made, key, ONE)).rejects.toThrow(/no new key is made over it/)
    await expect(made.findKey('home')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(made.makeKey('home')).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await records.last(key.cid)).toBeUndefined()
  })

  test('that came to be kept meanwhile is not gone back from', async () => {
    const made = names()
    const key = await keyOf(made)
    const signing = await readKeyFile(join(folder, 'keys', 'home'))
    if (signing === undefined) throw new Error('no key')
    const other = await signRecord(signing, { value: TWO, sequence: 9n, validUntil: time + HOUR, ttl: 1 })
    const racing: KeptRecords = Object.create(records, {
      add: {
        value: async (cid: PublishingKey['cid'], bytes: Uint8Array) => {
          await records.add(cid, other)
          return records.add(cid, bytes)
        },
      },
    }) as KeptRecords
    const slow = new EmbeddedNames({
      folder: join(folder, 'keys'),
      records: { last: (cid) => records.last(cid), add: (cid, bytes) => racing.add(cid, bytes) },
      routers: new DelegatedRouters([]),
    })
    expect(await publish(slow, key, ONE)).toBeUndefined()
    expect(await records.find(key.cid)).toMatchObject({ value: TWO, sequence: 9n })
  })

  test.each(['../home', '.hidden', 'a/b', '', 'keys\0'])('has no key named %j', async (name) => {
    await expect(names().findKey(name)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
    await expect(names().makeKey(name)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })
})

describe('a delegated router', () => {
  test('gets each record as it is kept', async () => {
    const [one, two] = [await router(), await router()]
    const made = names(one, two)
    const key = await keyOf(made)
    await publish(made, key, ONE)
    await publish(made, key, TWO)
    const kept = await records.last(key.cid)
    for (const { requests, records: given } of [one, two]) {
      expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
        `GET ${pathOf(key)}`,
        `PUT ${pathOf(key)}`,
        `PUT ${pathOf(key)}`,
      ])
      expect(requests[1]?.type).toBe('application/vnd.ipfs.ipns-record')
      const bytes = given.get(pathOf(key)) ?? Buffer.alloc(0)
      expect(Buffer.compare(bytes, kept?.bytes ?? Buffer.alloc(0))).toBe(0)
      expect(await verifyIpnsRecord(key.cid, bytes)).toMatchObject({ value: TWO, sequence: 2n })
    }
  })

  test('that fails is tried again with the same record, which is served meanwhile', async () => {
    const [good, bad] = [await router(), await router()]
    bad.status = 500
    const made = names(good, bad)
    const key = await keyOf(made)
    await expect(publish(made, key, ONE)).rejects.toThrow(/router:1/)
    expect(await records.find(key.cid)).toMatchObject({ value: ONE, sequence: 1n })
    expect(await made.current(key, signal)).toMatchObject({ value: ONE, settled: false })
    bad.status = undefined
    expect(await publish(made, key, ONE)).toMatchObject({ sequence: 1n, settled: true })
    expect(await made.current(key, signal)).toMatchObject({ sequence: 1n, settled: true })
    expect(bad.records.get(pathOf(key))).toEqual(good.records.get(pathOf(key)))
  })

  test('is given the record again after a restart, and after hours', async () => {
    const one = await router()
    const key = await keyOf(names(one))
    await publish(names(one), key, ONE)
    const made = names(one)
    expect(await made.current(key, signal)).toMatchObject({ value: ONE, settled: false })
    await publish(made, key, ONE)
    expect(await made.current(key, signal)).toMatchObject({ sequence: 1n, settled: true })
    time += 5 * HOUR
    expect(await made.current(key, signal)).toMatchObject({ sequence: 1n, settled: false })
    time += LIFETIME / 2
    expect(await publish(made, key, ONE)).toMatchObject({ sequence: 2n, settled: true })
  })

  test.each([200, 404] as const)(
    'knows of a record from before the store was lost (else %i)',
    async (missing) => {
      const [empty, one] = [await router(), await router()]
      empty.missing = missing
      const key = await keyOf(names(one))
      await publish(names(one), key, ONE)
      await publish(names(one), key, TWO)
      records = new KeptRecords(new MapRecords())
      const made = names(empty, one)
      expect(await made.current(key, signal)).toMatchObject({ value: TWO, sequence: 2n, settled: false })
      expect(await publish(made, key, TWO)).toMatchObject({ sequence: 3n })
    },
  )

  test('that says what is wrong, or nothing, is no reason not to keep a record', async () => {
    const one = await router()
    const made = names(one)
    const key = await keyOf(made)
    one.records.set(pathOf(key), Buffer.from('no record'))
    expect(await made.current(key, signal)).toBeUndefined()
    await one.close()
    routers = []
    await expect(publish(made, key, ONE)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(await records.find(key.cid)).toMatchObject({ value: ONE })
  })

  test('is left alone when nobody waits any more', async () => {
    const one = await router()
    const made = names(one)
    const key = await keyOf(made)
    const end = new AbortController()
    end.abort(new Error('stopped'))
    await expect(made.current(key, end.signal)).rejects.toThrow('stopped')
    const next = { value: ONE, after: undefined, lifetime: LIFETIME, ttl: MINUTE }
    await expect(made.publish(key, next, end.signal)).rejects.toThrow('stopped')
  })
})
