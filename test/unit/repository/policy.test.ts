import { describe, expect, test } from '@jest/globals'
import { base36 } from 'multiformats/bases/base36'
import { parsePeerId } from '../../../src/reference/cid.ts'
import { parseRepositoryName } from '../../../src/reference/name.ts'
import { Policy } from '../../../src/repository/policy.ts'

const CID = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const CID_V0 = 'QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR'
const PEER_ID = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
/** One key in each of its spellings. */
const KEY = {
  peerId: PEER_ID,
  base32: parsePeerId(PEER_ID)?.toString() ?? '',
  base36: parsePeerId(PEER_ID)?.toString(base36) ?? '',
}

/** Whether a request for this repository is let through. */
function admits(policy: Policy, name: string): boolean {
  const parsed = parseRepositoryName(name)
  try {
    if (parsed.kind === 'ipfs') policy.checkPath(parsed)
    else if (parsed.kind === 'ipns') policy.checkName(parsed.mutable, parsed.segments)
    return true
  } catch {
    return false
  }
}

const denying = (pattern: string): Policy => new Policy([], [pattern])
const allowing = (pattern: string): Policy => new Policy([pattern], [])

describe('a pattern means what it names, however that is spelled', () => {
  test.each([CID, CID_V0, CID.toUpperCase()])('the CID as %s', (spelled) => {
    for (const asked of [CID, CID_V0]) {
      expect(admits(denying(`/ipfs/${spelled}`), `ipfs/${asked}/app`)).toBe(false)
      expect(admits(allowing(`/ipfs/${spelled}/app/**`), `ipfs/${asked}/app`)).toBe(true)
    }
  })

  test.each(Object.entries(KEY))('the key in its form %s', (_, spelled) => {
    for (const asked of Object.values(KEY)) {
      expect(admits(denying(`/ipns/${spelled}`), `ipns/${asked}/app`)).toBe(false)
      expect(admits(allowing(`/ipns/${spelled}/app`), `ipns/${asked}/app`)).toBe(true)
      expect(admits(allowing(`/ipns/${spelled}/app`), `ipns/${asked}/other`)).toBe(false)
    }
  })

  test.each(['my-images.example.org', 'My-Images.Example.ORG', 'my--images-example-org'])(
    'the domain name as %s',
    (spelled) => {
      for (const asked of ['my-images.example.org', 'my--images-example-org']) {
        expect(admits(denying(`/ipns/${spelled}`), `ipns/${asked}/app`)).toBe(false)
        expect(admits(allowing(`/ipns/${spelled}/**`), `ipns/${asked}/app`)).toBe(true)
      }
    },
  )
})

describe('globs', () => {
  test.each([
    ['/ipfs/**', `ipfs/${CID}/app`, true],
    ['/ipfs/**', 'ipns/images.example.org', false],
    ['/ipfs/*', `ipfs/${CID}`, true],
    ['/ipfs/*/app', `ipfs/${CID}/app/more`, true],
    ['/ipfs/*/app', `ipfs/${CID}/apple`, false],
    ['/ipfs/*/app', `ipfs/${CID}/deep/app`, false],
    ['/ipns/*.example.org', 'ipns/images.example.org/app', true],
    ['/ipns/*.example.org', 'ipns/example.org', false],
    ['/ipns/*.Example.org', 'ipns/images.example.org/app', true],
    ['/ipns/**', `ipns/${KEY.base36}`, true],
  ])('%s and %s: %s', (pattern, name, matches) => {
    expect(admits(allowing(pattern), name)).toBe(matches)
    expect(admits(denying(pattern), name)).toBe(!matches)
  })

  test('deny wins over allow', () => {
    const policy = new Policy(['/ipfs/**'], [`/ipfs/${CID}/private`])
    expect(admits(policy, `ipfs/${CID}/public`)).toBe(true)
    expect(admits(policy, `ipfs/${CID}/private/app`)).toBe(false)
  })
})
