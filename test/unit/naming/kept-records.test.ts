import { beforeEach, describe, expect, test } from '@jest/globals'
import { verifyIpnsRecord } from '../../../src/naming/ipns-record.ts'
import { KeptLookup } from '../../../src/naming/kept-lookup.ts'
import { KeptRecords } from '../../../src/naming/kept-records.ts'
import { ed25519Key, rsaKey, type IpnsKey } from '../../fixtures/ipns-keys.ts'
import { MapRecords } from '../../fixtures/map-records.ts'
import { dnslink } from '../../fixtures/name-lookups.ts'

const OLD = '/ipfs/bafkqablimvwgy3y'
const NEW = '/ipfs/bafkqabdsmvqwi2lom4'

let key: IpnsKey
let stored: MapRecords
let records: KeptRecords

beforeEach(() => {
  key = ed25519Key()
  stored = new MapRecords()
  records = new KeptRecords(stored)
})

const valueOf = async (): Promise<string | undefined> => (await records.find(key.name.key))?.value

describe('a record that is put here', () => {
  test.each([
    ['Ed25519', ed25519Key],
    ['RSA', rsaKey],
  ])('is found again, with its bytes, TTL and validity (%s)', async (_, make) => {
    key = make()
    const validUntil = Date.now() + 60_000
    const bytes = await key.record({ value: OLD, sequence: 3n, ttl: 120, validUntil })
    await records.add(key.name.key, bytes)
    const found = await records.find(key.name.key)
    expect(found).toMatchObject({ value: OLD, sequence: 3n, ttl: 120, validUntil })
    expect(Buffer.compare(found?.bytes ?? new Uint8Array(), bytes)).toBe(0)
    expect([...stored.stored.values()]).toMatchObject([{ lasting: true }])
  })

  test('gives way to one with a higher sequence, and to one that is valid for longer', async () => {
    const validUntil = Date.now() + 60_000
    await records.add(key.name.key, await key.record({ value: OLD, sequence: 1n, validUntil }))
    await records.add(key.name.key, await key.record({ value: NEW, sequence: 2n, validUntil }))
    expect(await valueOf()).toBe(NEW)
    const longer = await key.record({ value: OLD, sequence: 2n, validUntil: validUntil + 1000 })
    await records.add(key.name.key, longer)
    expect(await valueOf()).toBe(OLD)
  })

  test('is refused when it is older, and says so; the same one again is not', async () => {
    const newer = await key.record({ value: NEW, sequence: 2n })
    await records.add(key.name.key, newer)
    await expect(
      records.add(key.name.key, await key.record({ value: OLD, sequence: 1n })),
    ).rejects.toMatchObject({
      code: 'IMPORT_INVALID',
      message: expect.stringMatching(/^this record is older .* sequence 1, .* has sequence 2, /),
    })
    await records.add(key.name.key, newer)
    expect(await valueOf()).toBe(NEW)
  })

  test.each([
    ['expired', () => key.record({ value: OLD, validUntil: Date.now() - 1000 })],
    ['of another key', () => ed25519Key().record({ value: OLD })],
    ['no record', () => Promise.resolve(Buffer.from('<!DOCTYPE html>'))],
  ])('is refused when it is %s', async (_, make) => {
    await expect(records.add(key.name.key, await make())).rejects.toMatchObject({ code: 'CONTENT_INVALID' })
    expect(stored.stored.size).toBe(0)
  })

  test('replaces one that is no longer valid, whatever its sequence', async () => {
    const expired = await key.record({ value: OLD, sequence: 9n, validUntil: Date.now() - 1000 })
    await stored.put(key.name.key, { bytes: expired, lasting: true })
    expect(await valueOf()).toBeUndefined()
    await records.add(key.name.key, await key.record({ value: NEW, sequence: 1n }))
    expect(await valueOf()).toBe(NEW)
  })
})

test('of records that come at the same time, the newest stays', async () => {
  const all = await Promise.all(
    [3n, 1n, 4n, 2n].map((sequence) => key.record({ value: `${OLD}/${sequence}`, sequence })),
  )
  await Promise.allSettled(all.map((bytes) => records.add(key.name.key, bytes)))
  expect(await valueOf()).toBe(`${OLD}/4`)
})

describe('a record that was fetched', () => {
  const fetched = async (value: string, sequence: bigint): Promise<void> => {
    const bytes = await key.record({ value, sequence })
    await records.note(key.name.key, { ...(await verifyIpnsRecord(key.name.key, bytes)), bytes })
  }

  test('is kept as long as there is room, and not for good', async () => {
    await fetched(OLD, 1n)
    expect(await records.find(key.name.key)).toMatchObject({ value: OLD, lasting: false })
  })

  test('replaces none that is newer', async () => {
    await records.add(key.name.key, await key.record({ value: NEW, sequence: 2n }))
    await fetched(OLD, 1n)
    expect(await valueOf()).toBe(NEW)
  })

  test('takes the place of one that was put here for good, for good', async () => {
    await records.add(key.name.key, await key.record({ value: OLD, sequence: 1n }))
    await fetched(NEW, 2n)
    expect(await records.find(key.name.key)).toMatchObject({ value: NEW, lasting: true })
  })
})

test('a stored record that was spoiled is none', async () => {
  const bytes = Uint8Array.from(await key.record({ value: OLD }))
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1
  await stored.put(key.name.key, { bytes, lasting: true })
  expect(await valueOf()).toBeUndefined()
})

describe('the look-up by what is kept', () => {
  test('answers for keys, as a look-up that knows of nothing newer', async () => {
    const lookup = new KeptLookup('embedded', records)
    expect([lookup.accepts(key.name), lookup.accepts(dnslink('a.example'))]).toEqual([true, false])
    expect(lookup.fromMemory).toBe(true)
    await expect(lookup.lookup(key.name)).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    const bytes = await key.record({ value: NEW, sequence: 1n })
    await records.note(key.name.key, { ...(await verifyIpnsRecord(key.name.key, bytes)), bytes })
    // Of what was fetched nobody said that it is to be taken for the newest.
    await expect(lookup.lookup(key.name)).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
    await records.add(key.name.key, await key.record({ value: OLD, sequence: 7n, ttl: 60 }))
    expect(await lookup.lookup(key.name)).toMatchObject({ value: OLD, sequence: 7n, ttl: 60 })
  })
})
