import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import {
  digestOfBytes,
  inFolder,
  LayoutBuilder,
  sideBySide,
  TYPE,
  withSharedBlobs,
  type LayoutFiles,
} from '../fixtures/layouts.ts'
import { PRODUCER_LAYOUTS } from '../fixtures/producer-layouts.ts'
import { ask, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startRunningGateway, type RunningGateway } from '../fixtures/running-gateway.ts'

const MANIFEST_TYPES: readonly string[] = [
  TYPE.ociIndex,
  TYPE.ociManifest,
  TYPE.dockerList,
  TYPE.dockerManifest,
]

/** The registry over these files; `get` asks for what is below their root. */
function overFiles(files: () => LayoutFiles): (path: string) => Promise<RawAnswer> {
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await startRunningGateway(files())
  })
  afterAll(async () => {
    expect(gateway.defects).toEqual([])
    await gateway.close()
  })
  return (path) => ask(gateway.port, `/v2/${gateway.name}${path}`)
}

function expectManifest(answer: RawAnswer, { digest, mediaType, size }: Descriptor): void {
  expect(answer.status).toBe(200)
  expect(answer.headers['docker-content-digest']).toBe(digest)
  expect(answer.headers['content-length']).toBe(String(size))
  expect(digestOfBytes(answer.body, digest.startsWith('sha512') ? 'sha512' : 'sha256')).toBe(digest)
  expect(answer.headers['content-type']).toBe(mediaType)
}

function expectMiss(answer: RawAnswer, code: string): void {
  expect([answer.status, errorOf(answer).code]).toEqual([404, code])
}

describe.each(Object.entries(PRODUCER_LAYOUTS))('%s', (producer, build) => {
  const { files, root, others, tags } = build()
  const get = overFiles(() => inFolder('team/app', files))
  const manifest = (reference: string) => get(`/team/app/manifests/${reference}`)

  test('its tags', async () => {
    const answer = await get('/team/app/tags/list')
    expect(JSON.parse(answer.body.toString())).toMatchObject({ tags })
  })

  test('each tag', async () => {
    for (const tag of tags) {
      const answer = await manifest(tag)
      expect(answer.status).toBe(200)
      const listed = [root, ...Object.values(others)]
      const named = listed.find(({ digest }) => digest === answer.headers['docker-content-digest'])
      expectManifest(answer, named ?? root)
    }
  })

  test('latest where there is none, and a tag that is missing', async () => {
    for (const tag of ['latest', 'v9.9.9'].filter((one) => !tags.includes(one))) {
      const answer = await manifest(tag)
      expectMiss(answer, 'MANIFEST_UNKNOWN')
      expect(errorOf(answer).detail).toEqual({ reference: tag, available: tags })
    }
  })

  test('every manifest by its digest, whether index.json lists it or not', async () => {
    for (const [name, descriptor] of [['root', root] as const, ...Object.entries(others)]) {
      const answer = await manifest(descriptor.digest)
      if (producer === 'sparse' && ['missing', 'layer'].includes(name)) {
        expectMiss(answer, 'MANIFEST_UNKNOWN')
        expectMiss(await get(`/team/app/blobs/${descriptor.digest}`), 'BLOB_UNKNOWN')
      } else if (MANIFEST_TYPES.includes(descriptor.mediaType)) expectManifest(answer, descriptor)
      else expectMiss(answer, 'MANIFEST_UNKNOWN')
    }
  })
})

describe('blobs that are shared above the layouts', () => {
  const one = new LayoutBuilder()
  const image = one.image({ content: 'one' })
  const two = new LayoutBuilder()
  const other = two.image({ content: 'two' })
  const apart = new LayoutBuilder()
  const secret = apart.image({ content: 'apart' })
  const get = overFiles(
    () =>
      new Map([
        ...withSharedBlobs({
          one: one.list(image, { ref: 'v1' }).files(),
          'deep/two': two.list(other, { ref: 'v1' }).files(),
        }),
        ...inFolder('apart', apart.list(secret, { ref: 'v1' }).files()),
      ]),
  )

  test('are those of each layout below them', async () => {
    expectManifest(await get('/one/manifests/v1'), image)
    expectManifest(await get('/deep/two/manifests/v1'), other)
    expect((await get(`/one/blobs/${image.digest}`)).status).toBe(200)
  })

  test('are not those of a layout beside them', async () => {
    expectMiss(await get(`/one/blobs/${secret.digest}`), 'BLOB_UNKNOWN')
    expectManifest(await get('/apart/manifests/v1'), secret)
    // Also when it is in the cache by now.
    expectMiss(await get(`/one/blobs/${secret.digest}`), 'BLOB_UNKNOWN')
    expectMiss(await get(`/one/manifests/${secret.digest}`), 'MANIFEST_UNKNOWN')
  })
})

describe('where the layout is', () => {
  const outer = new LayoutBuilder()
  const outerImage = outer.image({ content: 'outer' })
  const inner = new LayoutBuilder()
  const innerImage = inner.image({ content: 'inner' })
  const get = overFiles(
    () =>
      new Map([
        ...outer.list(outerImage, { ref: 'v1' }).files(),
        ...inFolder('a/b', inner.list(innerImage, { ref: 'v1' }).files()),
      ]),
  )

  test('the deepest folder wins, the root is the last', async () => {
    expectManifest(await get('/manifests/v1'), outerImage)
    expectManifest(await get('/a/b/manifests/v1'), innerImage)
    expectManifest(await get('/a/b/c/d/manifests/v1'), innerImage)
    expectManifest(await get('/a/manifests/v1'), outerImage)
    expectManifest(await get('/no/such/folder/manifests/v1'), outerImage)
  })
})

describe('what is no layout', () => {
  const large = new LayoutBuilder()
  large.list(large.image(), { ref: 'v1', annotations: { padding: 'x'.repeat(5 * 1024 * 1024) } })
  const get = overFiles(
    () =>
      new Map<string, Uint8Array>([
        ...sideBySide({ large: large.files() }),
        ['text/index.json', Buffer.from('this is no JSON')],
        ['list/index.json', Buffer.from('[1, 2]')],
        ['schema1/index.json', Buffer.from('{"schemaVersion":1,"manifests":[]}')],
        ['web/index.json', Buffer.from('{"name":"a page"}')],
        ['folder/index.json/file', Buffer.from('a folder of that name')],
        ['archive/manifest.json', Buffer.from('[]')],
        ['empty/index.json', Buffer.from('{"schemaVersion":2,"manifests":[]}')],
        ['absurd/index.json', Buffer.from('['.repeat(200_000))],
        [
          'odd/index.json',
          Buffer.from('{"schemaVersion":2,"manifests":[null,1,"x",[],{"digest":"sha256:x"}]}'),
        ],
      ]),
  )

  test.each(['text', 'list', 'schema1', 'web', 'folder', 'archive', 'absurd'])(
    '%s: said so, without a defect',
    async (name) => {
      for (const rest of ['manifests/latest', 'tags/list', `blobs/sha256:${'0'.repeat(64)}`]) {
        const answer = await get(`/${name}/${rest}`)
        expectMiss(answer, 'NAME_UNKNOWN')
        expect(answer.headers['cache-control']).toBe('no-store')
      }
    },
  )

  test('an archive of docker save is told apart', async () => {
    expect(errorOf(await get('/archive/manifests/latest')).message).toContain('ipfs-registry publish')
  })

  test.each(['empty', 'odd'])('%s: a layout without images', async (name) => {
    expect(JSON.parse((await get(`/${name}/tags/list`)).body.toString())).toMatchObject({ tags: [] })
    expectMiss(await get(`/${name}/manifests/latest`), 'MANIFEST_UNKNOWN')
  })

  test('an index.json beyond the limit is refused, and not read', async () => {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const answer = await get('/large/manifests/v1')
      expect(answer.status).toBe(502)
      expect(errorOf(answer).code).toBe('SIZE_INVALID')
    }
  })
})
