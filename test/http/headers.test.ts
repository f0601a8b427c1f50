import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TYPE } from '../fixtures/layouts.ts'
import { ask, type RawAnswer } from '../fixtures/raw-request.ts'
import { provenance, startStubRegistry, type StubRegistry } from '../fixtures/stub-registry.ts'
import { digestOfBytes } from '../fixtures/layouts.ts'

const bytes = Buffer.from('{"schemaVersion":2}')
const digest = digestOfBytes(bytes)

let registry: StubRegistry

beforeEach(async () => {
  registry = await startStubRegistry()
})

afterEach(async () => {
  expect(registry.defects).toEqual([])
  await registry.close()
})

const get = (path: string): Promise<RawAnswer> => ask(registry.port, `/v2/a/${path}`)

function serveManifests(given: Parameters<typeof provenance>[0], maxAge?: number): void {
  const manifest = { ...provenance(given), digest, mediaType: TYPE.ociManifest, bytes, maxAge }
  const answer = () => Promise.resolve(manifest)
  registry.find = () => ({ manifestByTag: answer, manifestByDigest: answer })
}

function serveTags(tags: readonly string[], given: Parameters<typeof provenance>[0] = {}): void {
  registry.find = () => ({ tags: () => Promise.resolve({ tags, next: undefined, ...provenance(given) }) })
}

describe('how long an answer may be kept', () => {
  test.each([
    [undefined, 'no-cache'],
    [0, 'public, max-age=0'],
    [59.9, 'public, max-age=59'],
  ])('a tag for %s s: %s', async (maxAge, header) => {
    serveManifests({}, maxAge)
    expect((await get('manifests/v1')).headers['cache-control']).toBe(header)
  })

  test('a digest for ever, whatever is known of the tag', async () => {
    serveManifests({}, 1)
    expect((await get(`manifests/${digest}`)).headers['cache-control']).toBe(
      'public, max-age=31536000, immutable',
    )
  })

  test('a list of tags not at all', async () => {
    serveTags(['v1'])
    expect((await get('tags/list')).headers['cache-control']).toBe('no-cache')
  })
})

describe('where it came from', () => {
  test('in ASCII, whatever the names are', async () => {
    serveTags(['v1'], { contentPath: '/ipfs/bafy/bücher und/mehr', roots: ['bafy', 'bafk'] })
    const { headers } = await get('tags/list')
    expect(headers['x-ipfs-path']).toBe('/ipfs/bafy/b%C3%BCcher%20und/mehr')
    expect(headers['x-ipfs-roots']).toBe('bafy,bafk')
    expect(headers.warning).toBeUndefined()
  })

  test('a warning is no longer than clients take of headers', async () => {
    serveTags(['v1'], { warning: 'x'.repeat(16 * 1024) })
    expect((await get('tags/list')).headers.warning).toMatch(/^299 - "x{400,600}"$/)
  })

  test('a warning stays one quoted string, whatever the names are', async () => {
    serveTags(['v1'], { warning: 'root "x\\y" of bücher\r\nX-Evil: 1' })
    const { headers } = await get('tags/list')
    expect(headers.warning).toBe('299 - "root \\"x\\\\y\\" of b?cher??X-Evil: 1"')
    expect(headers).not.toHaveProperty('x-evil')
  })
})
