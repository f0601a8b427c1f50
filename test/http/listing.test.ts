import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Descriptor } from '../../src/layout/descriptor.ts'
import { LayoutBuilder, sideBySide, TYPE } from '../fixtures/layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { startRunningGateway, type RunningGateway } from '../fixtures/running-gateway.ts'

const SPDX = 'application/spdx+json'
const SIGNATURE = 'application/vnd.example.signature'
const NOTE = 'application/vnd.example.note'
/** In the order of their bytes: capitals sort before small letters. */
const TAGS = ['1.0', '1.0.1', 'B', 'a', 'alone', 'b', 'latest']

const layout = new LayoutBuilder()
const image = layout.image({ content: 'tagged' })
const alone = layout.image({ content: 'alone' })
for (const ref of ['b', 'B', 'latest', '1.0.1', 'a', '1.0']) layout.list(image, { ref })
layout.list(alone, { ref: 'alone' })
for (const type of [SPDX, SIGNATURE, NOTE]) layout.list(layout.artifact(type, image))

let gateway: RunningGateway
let name: string
const get = (path: string) => ask(gateway.port, path)

beforeAll(async () => {
  gateway = await startRunningGateway(sideBySide({ app: layout.files() }))
  name = `${gateway.name}/app`
})

afterAll(async () => {
  expect(gateway.defects).toEqual([])
  await gateway.close()
})

describe('tags', () => {
  async function tags(query: string): Promise<{ tags: string[]; link: string | undefined }> {
    const answer = await get(`/v2/${name}/tags/list${query}`)
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('application/json')
    const list = JSON.parse(answer.body.toString()) as { name: string; tags: string[] }
    expect(list.name).toBe(name)
    return { tags: list.tags, link: answer.headers.link as string | undefined }
  }

  test('are listed in ASCII order', async () => {
    expect(await tags('')).toEqual({
      tags: ['1.0', '1.0.1', 'B', 'a', 'alone', 'b', 'latest'],
      link: undefined,
    })
  })

  test('n=0 asks for none', async () => {
    expect(await tags('?n=0')).toEqual({ tags: [], link: undefined })
  })

  test.each([1, 2, 3, 7, 1000])('pages of %d give every tag once', async (n) => {
    const all: string[] = []
    let pages = 0
    for (let query: string | undefined = `?n=${n}`; query !== undefined; pages += 1) {
      const page = await tags(query)
      expect(page.tags.length).toBeGreaterThan(0)
      expect(page.tags.length).toBeLessThanOrEqual(n)
      all.push(...page.tags)
      if (page.link !== undefined) expect(page.link).toMatch(/^<\/v2\/[^>]+>; rel="next"$/)
      query = page.link === undefined ? undefined : /(\?[^>]*)>/.exec(page.link)?.[1]
    }
    expect(all).toEqual(TAGS)
    expect(pages).toBe(Math.ceil(TAGS.length / n))
  })

  test.each(['2147483647', '9223372036854775807', '0000000003000', '9'.repeat(400)])(
    'n=%s asks for all',
    async (n) => {
      expect(await tags(`?n=${n}`)).toEqual({ tags: TAGS, link: undefined })
    },
  )

  test('nothing is after the end', async () => {
    expect(await tags('?last=latest')).toEqual({ tags: [], link: undefined })
    expect(await tags('?n=5&last=zzz')).toEqual({ tags: [], link: undefined })
  })

  test.each(['abc', '-1', '1.5', ''])('n=%s is refused', async (n) => {
    const answer = await get(`/v2/${name}/tags/list?n=${n}`)
    expect(answer.status).toBe(400)
    expect(errorOf(answer).code).toBe('PAGINATION_NUMBER_INVALID')
  })

  test('last need not exist', async () => {
    expect((await tags('?last=a')).tags).toEqual(['alone', 'b', 'latest'])
    expect((await tags('?last=al')).tags).toEqual(['alone', 'b', 'latest'])
    expect((await tags('?last=zzz')).tags).toEqual([])
    expect((await tags('?n=1&last=al')).tags).toEqual(['alone'])
  })
})

describe('referrers', () => {
  async function referrers(subject: string, query = ''): Promise<{ types: unknown[]; filtered: unknown }> {
    const answer = await get(`/v2/${name}/referrers/${subject}${query}`)
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe(TYPE.ociIndex)
    const index = JSON.parse(answer.body.toString()) as { mediaType: string; manifests: Descriptor[] }
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: TYPE.ociIndex })
    return {
      types: index.manifests.map(({ artifactType }) => artifactType).sort(),
      filtered: answer.headers['oci-filters-applied'],
    }
  }

  test('all of an image', async () => {
    expect(await referrers(image.digest)).toEqual({
      types: [SPDX, NOTE, SIGNATURE].sort(),
      filtered: undefined,
    })
  })

  test('none is an empty index', async () => {
    for (const subject of [alone.digest, `sha256:${'0'.repeat(64)}`]) {
      expect(await referrers(subject)).toEqual({ types: [], filtered: undefined })
    }
  })

  test('of one type, and of one that none has', async () => {
    expect(await referrers(image.digest, `?artifactType=${encodeURIComponent(SPDX)}`)).toEqual({
      types: [SPDX],
      filtered: 'artifactType',
    })
    expect(await referrers(image.digest, '?artifactType=application%2Fother')).toEqual({
      types: [],
      filtered: 'artifactType',
    })
  })

  test('of a type whose plus sign was not escaped', async () => {
    expect(await referrers(image.digest, `?artifactType=${SPDX}`)).toEqual({
      types: [SPDX],
      filtered: 'artifactType',
    })
  })

  test('of a type that is empty: of every type', async () => {
    expect((await referrers(image.digest, '?artifactType=')).types).toHaveLength(3)
  })

  test('under a name without a layout', async () => {
    const answer = await get(`/v2/${gateway.name}/nothing/referrers/${image.digest}`)
    expect(answer.status).toBe(404)
    expect(errorOf(answer).code).toBe('NAME_UNKNOWN')
  })

  test('of either of two types', async () => {
    const query = `?artifactType=${encodeURIComponent(SPDX)}&artifactType=${encodeURIComponent(SIGNATURE)}`
    expect(await referrers(image.digest, query)).toEqual({
      types: [SPDX, SIGNATURE].sort(),
      filtered: 'artifactType',
    })
  })

  test.each(['sha256:abc', 'md5:0123', 'latest'])('%s is no digest', async (digest) => {
    const answer = await get(`/v2/${name}/referrers/${digest}`)
    expect(answer.status).toBe(400)
    expect(errorOf(answer).code).toBe('DIGEST_INVALID')
  })
})
