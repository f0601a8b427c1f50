import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { LayoutBuilder, sideBySide, TYPE } from '../fixtures/layouts.ts'
import { oras } from '../fixtures/producer-layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { startRunningGateway, type RunningGateway } from '../fixtures/running-gateway.ts'

let gateway: RunningGateway
const layout = oras()
const WORDS = 'manifests/blobs/tags/referrers'

beforeAll(async () => {
  const words = new LayoutBuilder()
  const image = words.image({ content: 'words' })
  words.list(image, { ref: 'v1' })
  gateway = await startRunningGateway(sideBySide({ app: layout.files, [WORDS]: words.files() }))
})

afterAll(async () => {
  await gateway.close()
})

const manifest = (reference: string): string => `/v2/${gateway.name}/app/manifests/${reference}`
const get = (path: string, headers: Record<string, string> = {}) => ask(gateway.port, path, { headers })

describe('the base of the API', () => {
  test.each(['/v2', '/v2/', '/v2/?x=1'])('%s is answered', async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0')
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.body.toString()).toBe('{}')
  })

  test.each(['/V2/', '/', '/v1/', '/v2/x'])('%s is no path of it, said in JSON', async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(errorOf(answer).code).toBe('UNSUPPORTED')
  })

  test('the URL may name the host, as clients of proxies send it', async () => {
    for (const base of ['http://localhost', 'HTTPS://gateway.example:5000']) {
      expect((await get(`${base}/v2/`)).status).toBe(200)
      expect((await get(`${base}${manifest('1.0')}`)).status).toBe(200)
    }
    expect((await get('http://localhost')).status).toBe(404)
  })

  test('a broken escape is refused in JSON', async () => {
    const answer = await get(manifest('%zz'))
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(errorOf(answer).message).not.toBe('')
  })

  test.each(['PUT', 'POST', 'DELETE', 'PATCH'])('%s is not allowed', async (method) => {
    const answer = await ask(gateway.port, manifest('1.0'), { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.allow).toBe('GET, HEAD')
    expect(errorOf(answer).code).toBe('UNSUPPORTED')
  })

  test.each(['uploads', 'uploads/', 'uploads/1?digest=x'])(
    'of %s nothing but its absence is known',
    async (end) => {
      const path = `/v2/${gateway.name}/app/blobs/${end}`
      for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
        const answer = await ask(gateway.port, path, { method })
        expect(answer.status).toBe(405)
        expect(answer.headers.allow).toBe('GET, HEAD')
        expect(errorOf(answer).code).toBe('UNSUPPORTED')
      }
      const answer = await get(path)
      expect(answer.status).toBe(404)
      expect(errorOf(answer).code).toBe('BLOB_UPLOAD_UNKNOWN')
      expect((await ask(gateway.port, path, { method: 'HEAD' })).status).toBe(404)
    },
  )

  test('headers beyond the limit are refused in JSON, long ones below it are taken', async () => {
    const large = await get('/v2/', { 'X-Long': 'x'.repeat(70 * 1024) })
    expect(large.status).toBe(431)
    expect(large.headers['content-type']).toBe('application/json')
    expect(errorOf(large).code).toBe('UNSUPPORTED')
    expect((await get('/v2/', { 'X-Long': 'x'.repeat(40 * 1024) })).status).toBe(200)
  })
})

describe('answers with content', () => {
  test('the media type stands alone, and nothing is compressed', async () => {
    const answer = await get(manifest('1.0'), { 'Accept-Encoding': 'gzip, zstd' })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe(TYPE.ociIndex)
    expect(answer.headers['content-encoding']).toBeUndefined()
    expect(answer.headers['x-powered-by']).toBeUndefined()
    expect(answer.headers['docker-content-digest']).toBe(layout.root.digest)
    expect(answer.headers.etag).toBe(`"${layout.root.digest}"`)
    expect(Number(answer.headers['content-length'])).toBe(layout.root.size)
  })

  test.each(['manifests', 'blobs'])('HEAD of %s has the headers of GET, and no body', async (kind) => {
    const path = `/v2/${gateway.name}/app/${kind}/${layout.root.digest}`
    const whole = await get(path)
    const head = await ask(gateway.port, path, { method: 'HEAD' })
    expect(whole.status).toBe(200)
    expect(head.status).toBe(200)
    expect(head.body.length).toBe(0)
    const lasting = ({ date: _date, 'x-request-id': _id, ...rest }: typeof whole.headers) => rest
    expect(lasting(head.headers)).toEqual(lasting(whole.headers))
  })

  test.each([
    ['quoted', (tag: string) => `"${tag}"`],
    ['weak', (tag: string) => `W/"${tag}"`],
    ['in a list', (tag: string) => `"other", "${tag}"`],
    ['as *', () => '*'],
  ])('If-None-Match %s gives 304', async (_, header) => {
    for (const kind of ['manifests', 'blobs']) {
      const path = `/v2/${gateway.name}/app/${kind}/${layout.root.digest}`
      const answer = await get(path, { 'If-None-Match': header(layout.root.digest) })
      expect(answer.status).toBe(304)
      expect(answer.body.length).toBe(0)
    }
  })

  test.each(['manifests', 'blobs'])('If-None-Match is heeded for HEAD of %s as well', async (kind) => {
    const path = `/v2/${gateway.name}/app/${kind}/${layout.root.digest}`
    const headers = { 'If-None-Match': `"${layout.root.digest}"` }
    const answer = await ask(gateway.port, path, { method: 'HEAD', headers })
    expect(answer.status).toBe(304)
    expect(answer.headers.etag).toBe(`"${layout.root.digest}"`)
  })

  test('nothing is fetched for a client that has it already', async () => {
    const [source] = gateway.sources
    const { digest } = layout.others['sbom'] ?? layout.root
    const fetched = () =>
      source?.requests.filter(({ url, bytes }) => url.includes(digest.slice(7)) && bytes > 0)
    const answer = await get(`/v2/${gateway.name}/app/blobs/${digest}`, { 'If-None-Match': `"${digest}"` })
    expect(answer.status).toBe(304)
    expect(gateway.fetches()).toBe(0)
    expect(fetched()?.every(({ url }) => url.includes('dag-scope=block'))).toBe(true)
  })

  test('If-None-Match of something else gives the content', async () => {
    expect((await get(manifest('1.0'), { 'If-None-Match': '"sha256:other"' })).status).toBe(200)
  })

  test('the colon of a digest may be escaped', async () => {
    const answer = await get(manifest(layout.root.digest.replace(':', '%3A')))
    expect(answer.status).toBe(200)
    expect(answer.body.length).toBe(layout.root.size)
  })

  test('names may have the words of the protocol in them', async () => {
    const name = `${gateway.name}/${WORDS}`
    const tags = await get(`/v2/${name}/tags/list`)
    expect(JSON.parse(tags.body.toString())).toEqual({ name, tags: ['latest', 'v1'] })
    expect((await get(`/v2/${name}/manifests/v1`)).status).toBe(200)
  })

  test('nothing met was a defect', () => {
    expect(gateway.defects).toEqual([])
  })
})
