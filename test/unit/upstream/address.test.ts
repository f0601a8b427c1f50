import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { hasPrivateAddress, isPrivateAddress, publicLookup } from '../../../src/upstream/address.ts'

const PRIVATE = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '198.18.0.1',
  '168.63.129.16',
  '203.0.113.7',
  '2001:db8::1',
  '3fff::1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::ffff:0:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::1',
  '2001:0:1::1',
  '2002:7f00:1::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'no address',
]

const PUBLIC = [
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '223.255.255.255',
  '2606:4700::1111',
  '2001:4860::8888',
  '::ffff:1.1.1.1',
  '64:ff9b::1.1.1.1',
]

describe('addresses', () => {
  test.each(PRIVATE)('%s is private', (address) => expect(isPrivateAddress(address)).toBe(true))
  test.each(PUBLIC)('%s is public', (address) => expect(isPrivateAddress(address)).toBe(false))
})

describe('hosts of URLs', () => {
  test.each([
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://127。0。0。1/',
    'https://[::1]:5000/',
    'https://[::ffff:7f00:1]/',
    'https://[fd00::1]/',
  ])('%s is a private address', (url) => expect(hasPrivateAddress(new URL(url))).toBe(true))

  test.each(['https://1.1.1.1/', 'https://[2606:4700::1111]/', 'https://localhost/', 'https://10.example/'])(
    '%s is none',
    (url) => expect(hasPrivateAddress(new URL(url))).toBe(false),
  )
})

describe('looking up', () => {
  function lookUp(found: LookupAddress[], all: boolean): Promise<unknown> {
    const lookup: LookupFunction = (_, __, callback) => callback(null, found)
    return new Promise((resolve, reject) => {
      publicLookup(lookup)('host.example', { all }, (error, address, family) => {
        if (error === null) resolve(all ? address : { address, family })
        else reject(error)
      })
    })
  }
  const inside = { address: '10.0.0.1', family: 4 }
  const outside = { address: '1.1.1.1', family: 4 }

  test.each([true, false])('leaves private addresses out (all: %s)', async (all) => {
    expect(await lookUp([inside, outside], all)).toEqual(all ? [outside] : outside)
  })

  test.each([true, false])('fails where there are no others (all: %s)', async (all) => {
    await expect(lookUp([inside], all)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await expect(lookUp([], all)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('fails as the lookup does', async () => {
    const failing: LookupFunction = (_, __, callback) => callback(new Error('no such host'), [])
    const error = await new Promise((resolve) => publicLookup(failing)('x', {}, resolve))
    expect(error).toMatchObject({ message: 'no such host' })
  })
})
