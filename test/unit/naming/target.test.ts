import { describe, expect, test } from '@jest/globals'
import { formatContentPath } from '../../../src/content/source.ts'
import { parseSavedPath, parseTarget } from '../../../src/naming/target.ts'

const V0 = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'
const V1 = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'
const KEY36 = 'k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r'

function shown(value: string): string {
  const target = parseTarget(value)
  return target.kind === 'ipfs'
    ? formatContentPath(target.path)
    : [`${target.name.kind}:${target.name.text}`, ...target.segments].join('/')
}

describe('values of records and DNSLinks', () => {
  test.each([
    [`/ipfs/${V1}`, `/ipfs/${V1}`],
    [`/ipfs/${V1}/`, `/ipfs/${V1}`],
    [`/ipfs/${V1}/A b/ü%20//x`, `/ipfs/${V1}/A b/ü%20/x`],
    [`/ipfs/${V0}/x`, `/ipfs/${V1}/x`],
    [`/ipns/${KEY36}/Sub`, `key:${KEY36}/Sub`],
    ['/ipns/Images.Example.ORG./x', 'dnslink:images.example.org/x'],
    ['/ipns/a_b.xn--bcher-kva.example', 'dnslink:a_b.xn--bcher-kva.example'],
  ])('%s', (value, expected) => {
    expect(shown(value)).toBe(expected)
  })

  test('peer ids and keys in every multibase are the same name', () => {
    const target = parseTarget(`/ipns/${KEY36}`)
    if (target.kind !== 'ipns' || target.name.kind !== 'key') throw new Error('no key')
    const { key } = target.name
    const forms = [key.toString(), `/ipns/${key.toString()}`.slice(6), KEY36]
    for (const form of forms) expect(shown(`/ipns/${form}`)).toBe(`key:${KEY36}`)
    // The hash of an RSA key: the same as a CIDv0 and as a libp2p-key.
    expect(shown(`/ipns/${V0}`)).toMatch(/^key:k2k4r8/)
    expect(shown('/ipns/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA')).toMatch(/^key:k51qzi5uqu5d/)
  })

  test.each([
    '',
    'ipfs',
    V1,
    `/ipld/${V1}`,
    '/ipfs/',
    '/ipfs/kubo',
    `/ipfs/${KEY36}`,
    `/ipfs/${V0.toLowerCase()}`,
    `/ipfs/${V1}/../x`,
    `/ipfs/${V1}/./x`,
    `/ipfs/${V1}/\0`,
    `/ipfs/${V1}${'/x'.repeat(200)}`,
    `/ipfs/${V1}/${'x'.repeat(11_000)}`,
    '/ipns/',
    '/ipns/localhost',
    `/ipns/${V1}`,
    '/ipns/-a.example',
    `/ipns/${'a'.repeat(64)}.example`,
    `/ipns/${'a.'.repeat(130)}example`,
  ])('refuses %j', (value) => {
    expect(() => parseTarget(value)).toThrow(expect.objectContaining({ code: 'CONTENT_INVALID' }))
    expect(parseSavedPath(value)).toBeUndefined()
  })
})
