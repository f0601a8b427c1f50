import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { encode, type Packet } from 'dns-packet'
import { DnsLinkLookup, type DnsLinkLookupOptions } from '../../../src/naming/dnslink-lookup.ts'
import { formatDnsServer, parseDnsServer } from '../../../src/naming/dns-server.ts'
import { cname, TestDnsServer, txt } from '../../fixtures/dns-server.ts'
import { dnslink } from '../../fixtures/name-lookups.ts'

const A = '/ipfs/bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'
const B = '/ipfs/bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y'
const NAME = dnslink('images.example.org')
const OWNER = '_dnslink.images.example.org'

let server: TestDnsServer
let second: TestDnsServer
beforeEach(async () => {
  server = await TestDnsServer.start()
  second = await TestDnsServer.start()
})
afterEach(async () => {
  await Promise.all([server.close(), second.close()])
})

function lookup(options: DnsLinkLookupOptions = {}): ReturnType<DnsLinkLookup['lookup']> {
  const dns = new DnsLinkLookup({ servers: [server.address], tryTimeout: 5000, tries: 1, ...options })
  return dns.lookup(NAME, { signal: new AbortController().signal })
}

describe('DNSLink', () => {
  test('is the TXT record at _dnslink and nowhere else', async () => {
    server.link('images.example.org', A)
    server.zone.set('images.example.org', { answers: [txt('images.example.org', `dnslink=${B}`)] })
    expect(await lookup()).toEqual({ value: A, ttl: 300 })
    expect(server.asked).toEqual([{ name: OWNER, transport: 'udp' }])
  })

  test('takes the first valid record by its text, whatever the order', async () => {
    server.link('images.example.org', '/ipns/other.example', B, '/ipfs/0nonsense', A)
    expect((await lookup()).value).toBe([A, B].toSorted()[0])
    server.zone.set(OWNER, { answers: [txt(OWNER, 'v=spf1 -all'), txt(OWNER, 'dnslink=/ipns/k.example')] })
    expect((await lookup()).value).toBe('/ipns/k.example')
  })

  test('follows aliases in the answer, and has the shortest TTL on the way', async () => {
    const answers = [
      txt('x.cdn.example', `dnslink=${A}`, 600),
      cname(OWNER, 'X.cdn.example', 40),
      txt('unrelated.example', `dnslink=${B}`, 1),
    ]
    server.zone.set(OWNER, { answers })
    expect(await lookup()).toEqual({ value: A, ttl: 40 })
  })

  test('joins the strings of one record', async () => {
    server.zone.set(OWNER, { answers: [txt(OWNER, [`dnslink=${A}`, '/images'])] })
    expect((await lookup()).value).toBe(`${A}/images`)
  })

  test('asks over TCP when the answer does not fit into a datagram', async () => {
    server.zone.set(OWNER, { truncated: true, answers: [txt(OWNER, `dnslink=${A}`)] })
    expect((await lookup()).value).toBe(A)
    expect(server.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp'])
  })

  test('ignores datagrams that answer another question', async () => {
    server.zone.set(OWNER, {
      answers: [txt(OWNER, `dnslink=${A}`)],
      forged: (truth: Packet) => {
        const answers = [txt(OWNER, `dnslink=${B}`), txt('_dnslink.evil.example', `dnslink=${B}`)]
        return [
          { ...truth, answers, id: (truth.id ?? 0) ^ 1 },
          { ...truth, answers, questions: [{ type: 'TXT', class: 'IN', name: '_dnslink.evil.example' }] },
          { ...truth, answers, questions: [{ type: 'A', class: 'IN', name: OWNER }] },
          { ...truth, answers, questions: [] },
          { ...truth, answers, type: 'query' },
          Buffer.from('garbage'),
        ]
      },
    })
    expect((await lookup()).value).toBe(A)
  })

  test('of an answer that is cut is not taken for a shorter one', async () => {
    server.link('images.example.org', `${A}/images-12`)
    const whole = server.zone.get(OWNER)
    for (const missing of [1, 2, 30]) {
      server.zone.set(OWNER, {
        ...whole,
        forged: (truth) => [encode(truth).subarray(0, encode(truth).length - missing)],
      })
      expect((await lookup()).value).toBe(`${A}/images-12`)
    }
  })

  test('that does not exist is not found, and the message says what was looked for', async () => {
    await expect(lookup()).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: expect.stringContaining(
        'TXT record "dnslink=/ipfs/<cid>" at _dnslink.images.example.org',
      ) as unknown,
    })
    server.zone.set(OWNER, { answers: [] })
    await expect(lookup()).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    server.link('images.example.org', '/ipfs/typo')
    await expect(lookup()).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: expect.stringContaining('"typo" is no CID') as unknown,
    })
  })

  test('of a name that can not be in the DNS is not asked for', async () => {
    const dns = new DnsLinkLookup({ servers: [server.address] })
    const long = dnslink(`${'a'.repeat(64)}.example`)
    await expect(dns.lookup(long, { signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
    expect(server.asked).toEqual([])
  })

  test('goes on to the next server when one fails, and not when it says no', async () => {
    const servers = [server.address, second.address]
    second.link('images.example.org', A)
    for (const rcode of ['SERVFAIL', 'REFUSED'] as const) {
      server.zone.set(OWNER, { rcode })
      expect((await lookup({ servers })).value).toBe(A)
    }
    server.zone.set(OWNER, { mute: true })
    expect((await lookup({ servers, tryTimeout: 50 })).value).toBe(A)
    server.zone.delete(OWNER)
    await expect(lookup({ servers })).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('is unresolved when no server answers, after every try', async () => {
    server.zone.set(OWNER, { rcode: 'SERVFAIL' })
    second.zone.set(OWNER, { mute: true })
    const servers = [server.address, second.address]
    await expect(lookup({ servers, tries: 2, tryTimeout: 30 })).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: expect.stringMatching(/answered SERVFAIL, .* did not answer within 30 ms/) as unknown,
    })
    expect([server.asked.length, second.asked.length]).toEqual([2, 2])
  })

  test('is unresolved at once when nobody listens there', async () => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    socket.close()
    await once(socket, 'close')
    await expect(
      lookup({ servers: [{ host: '127.0.0.1', port }], tryTimeout: 60_000 }),
    ).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
      message: expect.stringContaining('ECONNREFUSED') as unknown,
    })
  })

  test('ends in its own time whatever the servers do', async () => {
    server.zone.set(OWNER, { mute: true })
    const tooLong = { tries: 1000, tryTimeout: 60_000, timeout: 60 }
    await expect(lookup(tooLong)).rejects.toMatchObject({ code: 'NAME_UNRESOLVED' })
  })

  test('leaves when its signal aborts', async () => {
    server.zone.set(OWNER, { mute: true })
    const leaving = new AbortController()
    const reason = new Error('left')
    const dns = new DnsLinkLookup({ servers: [server.address], tryTimeout: 60_000 })
    const result = dns.lookup(NAME, { signal: leaving.signal })
    leaving.abort(reason)
    await expect(result).rejects.toBe(reason)
  })
})

describe('DNS servers', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1:53'],
    ['10.0.0.1:5353', '10.0.0.1:5353'],
    ['dns.example:53', 'dns.example:53'],
    ['::1', '[::1]:53'],
    ['[::1]', '[::1]:53'],
    ['[fe80::1%eth0]:5353', '[fe80::1%eth0]:5353'],
  ])('%s', (text, expected) => {
    expect(formatDnsServer(parseDnsServer(text))).toBe(expected)
  })

  test.each(['', ':53', '10.0.0.1:', '10.0.0.1:0', '10.0.0.1:65536', '[10.0.0.1]', 'a:b:c'])(
    'refuses %j',
    (text) => {
      expect(() => parseDnsServer(text)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }))
    },
  )
})
