import { describe, expect, test } from '@jest/globals'
import { verifyIpnsRecord } from '../../../src/naming/ipns-record.ts'
import { ed25519Key, rsaKey } from '../../fixtures/ipns-keys.ts'

const VALUE = '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354/x'

describe('IPNS records', () => {
  test.each([
    ['ed25519', ed25519Key, true],
    ['ed25519, version 2 only', ed25519Key, false],
    ['RSA, its key in the record', rsaKey, true],
  ])('%s', async (_title, make, v1Compatible) => {
    const key = make()
    const validUntil = Math.floor(Date.now() / 1000) * 1000 + 3_600_000
    const bytes = await key.record({ value: VALUE, sequence: 7n, ttl: 90, validUntil, v1Compatible })
    expect(await verifyIpnsRecord(key.name.key, bytes)).toEqual({
      value: VALUE,
      sequence: 7n,
      ttl: 90,
      validUntil,
    })
  })

  async function refusal(bytes: Uint8Array, key = ed25519Key()): Promise<unknown> {
    return verifyIpnsRecord(key.name.key, bytes).then(
      () => 'accepted',
      (error: unknown) => error,
    )
  }

  test('refuses one that has expired', async () => {
    const key = ed25519Key()
    const bytes = await key.record({ value: VALUE, validUntil: Date.now() - 1000 })
    expect(await refusal(bytes, key)).toMatchObject({
      code: 'CONTENT_INVALID',
      message: expect.stringContaining('expired') as unknown,
    })
  })

  test('refuses one of another key', async () => {
    expect(await refusal(await ed25519Key().record({ value: VALUE }))).toMatchObject({
      code: 'CONTENT_INVALID',
    })
    expect(await refusal(await rsaKey().record({ value: VALUE }), rsaKey())).toMatchObject({
      code: 'CONTENT_INVALID',
    })
  })

  test('refuses any single flipped bit that matters', async () => {
    const key = ed25519Key()
    const bytes = await key.record({ value: VALUE, v1Compatible: false })
    const genuine = await verifyIpnsRecord(key.name.key, bytes)
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Uint8Array.from(bytes)
      flipped[at]! ^= 1
      const outcome = await verifyIpnsRecord(key.name.key, flipped).catch((error: unknown) => error)
      // A flip in a field that is not signed and not read may pass; what it says never changes.
      if (!(outcome instanceof Error)) expect(outcome).toEqual(genuine)
      else expect(outcome).toMatchObject({ code: 'CONTENT_INVALID' })
    }
  })

  test('refuses garbage and what is too large', async () => {
    for (const bytes of [new Uint8Array(0), Buffer.from('<html>'), new Uint8Array(10 * 1024).fill(8)]) {
      expect(await refusal(bytes)).toMatchObject({ code: 'CONTENT_INVALID' })
    }
    const key = ed25519Key()
    const large = await key.record({ value: `/ipfs/${'x'.repeat(11_000)}` })
    expect(await refusal(large, key)).toMatchObject({
      code: 'CONTENT_INVALID',
      message: expect.stringContaining('larger than 10240 bytes') as unknown,
    })
  })
})
