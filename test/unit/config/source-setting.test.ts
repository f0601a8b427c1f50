import { describe, expect, test } from '@jest/globals'
import { formatSource, parseSource, parseSourceObject } from '../../../src/config/source-setting.ts'

describe('sources as text', () => {
  test.each([
    ['embedded', 'embedded', undefined],
    ['kubo', 'kubo', undefined],
    ['kubo=http://127.0.0.1:5001', 'kubo', 'http://127.0.0.1:5001'],
    ['kubo=/ip4/127.0.0.1/tcp/5001', 'kubo', 'http://127.0.0.1:5001'],
    ['gateway=https://gw.example', 'gateway', 'https://gw.example'],
    ['gateway=https://gw.example:8443/prefix/', 'gateway', 'https://gw.example:8443/prefix'],
    ['trusted-gateway=https://gw.example', 'trusted-gateway', 'https://gw.example'],
  ])('%s', (text, kind, url) => {
    expect(parseSource(text)).toMatchObject({ kind, url, cache: true, optional: false, headers: {} })
  })

  test('takes options after semicolons', () => {
    expect(
      parseSource(
        'gateway=https://h;token-file=/run/token;concurrency=8;cache=false;optional=true;header.X-Team=a=b',
      ),
    ).toEqual({
      kind: 'gateway',
      url: 'https://h',
      socketPath: undefined,
      headers: { 'x-team': 'a=b' },
      tokenFile: '/run/token',
      concurrency: 8,
      cache: false,
      optional: true,
    })
  })

  test('a token becomes a bearer header', () => {
    expect(parseSource('gateway=https://h;token=s3cret').headers).toEqual({ authorization: 'Bearer s3cret' })
  })

  test('a password in the URL becomes a header and leaves the URL', () => {
    const source = parseSource('kubo=https://user:p%40ss@kubo.example')
    expect(source.url).toBe('https://kubo.example')
    expect(source.headers).toEqual({ authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` })
  })

  test('a stray % in a password stands for itself', () => {
    const source = parseSource('gateway=https://user:100%@gw.example')
    expect(source.headers['authorization']).toBe(`Basic ${Buffer.from('user:100%').toString('base64')}`)
  })

  test.each([
    ['kubbo', /unknown kind "kubbo"; did you mean "kubo"\?/],
    ['gateway', /needs an address/],
    ['gateway=', /needs an address/],
    ['gateway=h', /no http/],
    ['gateway=ftp://h', /no http/],
    ['gateway=https://h?x=1', /query/],
    ['kubo=/ip4/127.0.0.1/udp/5001', /multiaddr/],
    ['embedded=/data', /--store/],
    ['gateway=https://h;cahce=false', /unknown option "cahce"; did you mean "cache"\?/],
    ['gateway=https://h;cache', /without a value/],
    ['gateway=https://h;cache=perhaps', /neither true nor false/],
    ['gateway=https://h;concurrency=0', /concurrency/],
    ['gateway=https://h;concurrency=1.5', /concurrency/],
    ['gateway=https://h;token=a b', /token/],
    ['gateway=https://h;token=a;token-file=/x', /both/],
    ['gateway=https://h;header.a b=x', /header name/],
    ['gateway=https://h;header.x=a\r\nb: c', /value for the header/],
    ['gateway=https://h;url=https://i', /twice/],
  ])('%s is refused', (text, message) => {
    expect(() => parseSource(text)).toThrow(message)
  })
})

test('sources as objects', () => {
  expect(
    parseSourceObject({
      kind: 'gateway',
      url: 'https://h',
      headers: { 'X-Team': 'a', 'X-Number': 1 },
      token: 't',
      concurrency: 4,
      cache: false,
    }),
  ).toMatchObject({
    kind: 'gateway',
    url: 'https://h',
    headers: { 'x-team': 'a', 'x-number': '1', authorization: 'Bearer t' },
    concurrency: 4,
    cache: false,
  })
  expect(() => parseSourceObject({ url: 'https://h' })).toThrow(/kind/)
  expect(() => parseSourceObject({ kind: 'gateway', url: 1 })).toThrow(/no text/)
  expect(() => parseSourceObject({ kind: 'gateway', url: 'https://h', headers: ['a'] })).toThrow(/mapping/)
  expect(() => parseSourceObject({ kind: 'gateway', url: 'https://h', headers: { a: { b: 1 } } })).toThrow(
    /value/,
  )
})

test('what is shown of a source holds no secret', () => {
  const text = formatSource(
    parseSource('gateway=https://user:hush@h;header.x-key=hush;concurrency=8;cache=false'),
  )
  expect(text).toBe('gateway=https://h;header.authorization=***;header.x-key=***;concurrency=8;cache=false')
  expect(formatSource(parseSource('kubo=/unix/run/api.sock;optional=true'))).toBe(
    'kubo=/unix/run/api.sock;optional=true',
  )
})
