import { describe, expect, test } from '@jest/globals'
import { formatAddress, parseAddress, parseDnsServer } from '../../../src/config/address.ts'
import { endpointOfMultiaddr } from '../../../src/config/multiaddr.ts'

describe('addresses to listen on', () => {
  test.each([
    ['127.0.0.1:5000', '127.0.0.1', 5000],
    ['localhost:0', 'localhost', 0],
    ['[::1]:5000', '::1', 5000],
    [':5000', '0.0.0.0', 5000],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port })
  })

  test.each([
    '',
    '5000',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:5000',
    '[::g]:1',
    '[host]:1',
    'http://x:1',
    'a b:1',
  ])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  test('IPv6 is written in brackets', () => {
    expect(formatAddress({ host: '::1', port: 1 })).toBe('[::1]:1')
    expect(formatAddress({ host: '127.0.0.1', port: 1 })).toBe('127.0.0.1:1')
  })
})

describe('DNS servers', () => {
  test.each([
    ['1.1.1.1', '1.1.1.1'],
    ['1.1.1.1:5353', '1.1.1.1:5353'],
    ['2606:4700::1111', '2606:4700::1111'],
    ['[2606:4700::1111]:53', '[2606:4700::1111]:53'],
  ])('%s', (text, expected) => {
    expect(parseDnsServer(text)).toBe(expected)
  })

  test.each(['', 'dns.example.org', ':53', '1.1.1.1:0', '1.1.1.1:x', 'https://1.1.1.1/dns-query'])(
    '"%s" is none',
    (text) => {
      expect(parseDnsServer(text)).toBeUndefined()
    },
  )
})

describe('multiaddrs of HTTP APIs', () => {
  test.each([
    ['/ip4/127.0.0.1/tcp/5001', 'http://127.0.0.1:5001'],
    ['/ip4/127.0.0.1/tcp/5001/http', 'http://127.0.0.1:5001'],
    ['/dns4/kubo/tcp/443/https', 'https://kubo'],
    ['/dns/kubo.example/tcp/8443/tls/http', 'https://kubo.example:8443'],
    ['/ip6/::1/tcp/5001', 'http://[::1]:5001'],
  ])('%s', (text, url) => {
    expect(endpointOfMultiaddr(text)).toEqual({ url, socketPath: undefined })
  })

  test('a Unix socket', () => {
    expect(endpointOfMultiaddr('/unix/run/ipfs/api.sock')).toEqual({
      url: 'http://localhost',
      socketPath: '/run/ipfs/api.sock',
    })
  })

  test.each([
    '/dns4/a b/tcp/5001',
    '/dns/%/tcp/5001',
    '',
    '/',
    '/ip4/127.0.0.1',
    '/ip4/300.0.0.1/tcp/1',
    '/ip4/127.0.0.1/udp/5001',
    '/ip4/127.0.0.1/tcp/1/ws',
    '/tcp/5001',
    'kubo',
  ])('"%s" is none', (text) => {
    expect(endpointOfMultiaddr(text)).toBeUndefined()
  })
})
