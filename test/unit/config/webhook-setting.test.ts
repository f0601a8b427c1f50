import { describe, expect, test } from '@jest/globals'
import { showWebhook } from '../../../src/config/format-webhook.ts'
import { fromFile, load, mistakesOf } from '../../fixtures/loaded-settings.ts'

const SECRET = 'c0rrect-h0rse'

async function webhooksOf(...texts: string[]) {
  return (await load({ flags: { webhook: texts }, files: { '/run/token': `${SECRET}\n` } })).config.webhooks
}

describe('a webhook', () => {
  test('is a URL', async () => {
    expect(await webhooksOf('https://ci.example.org/hooks')).toEqual([
      {
        name: 'ci.example.org',
        url: 'https://ci.example.org/hooks',
        headers: {},
        events: ['push', 'delete', 'root'],
        batch: 1,
        timeout: 10_000,
      },
    ])
  })

  test('may have a query, and a slash at its end', async () => {
    const urls = ['http://10.0.0.1:8080/invoke?token=a&x=?', 'https://b.example/notify/']
    expect((await webhooksOf(...urls)).map(({ url }) => url)).toEqual(urls)
  })

  test('has options', async () => {
    const [webhook] = await webhooksOf(
      'https://ci.example.org/;name=ci;event=push;event=blob;batch=100;timeout=500ms;header.X-Team=images',
    )
    expect(webhook).toMatchObject({
      name: 'ci',
      events: ['push', 'blob'],
      batch: 100,
      timeout: 500,
      headers: { 'x-team': 'images' },
    })
  })

  test.each([
    ['https://ci.example.org;token-file=/run/token', { authorization: `Bearer ${SECRET}` }],
    [`https://ci.example.org;token=${SECRET}`, { authorization: `Bearer ${SECRET}` }],
    ['https://ci.example.org;header-file.Authorization=/run/token', { authorization: SECRET }],
    [
      'https://ci.example.org;header-file.X-Hook=/run/token;header.X-Team=a',
      { 'x-hook': SECRET, 'x-team': 'a' },
    ],
    ['https://me:pass%20word@ci.example.org', { authorization: `Basic ${btoa('me:pass word')}` }],
  ])('shows who it comes from: %s', async (text, headers) => {
    const [webhook] = await webhooksOf(text)
    expect(webhook?.headers).toEqual(headers)
    expect(webhook?.url).toBe('https://ci.example.org/')
  })

  test('is an object in a file', async () => {
    const yaml = `
webhook:
  - https://one.example/
  - url: https://two.example/hook?key=1
    name: two
    token-file: /run/token
    headers: { X-Team: images }
    header-files: { X-Hook: /run/token }
    events: [tag, root]
    batch: 10
    timeout: 2s
`
    const { config } = await fromFile(yaml, { '/run/token': SECRET })
    expect(config.webhooks[1]).toEqual({
      name: 'two',
      url: 'https://two.example/hook?key=1',
      headers: { authorization: `Bearer ${SECRET}`, 'x-team': 'images', 'x-hook': SECRET },
      events: ['tag', 'root'],
      batch: 10,
      timeout: 2_000,
    })
  })

  test.each([
    ['ci.example.org', /no http:\/\/ or https:\/\/ URL/],
    ['ftp://ci.example.org', /no http:\/\/ or https:\/\/ URL/],
    ['https://ci.example.org/#a', /fragment/],
    ['https://ci.example.org/?a#b', /fragment/],
    ['https://ci.example.org;event=pull', /unknown event "pull" \(known: push, tag, delete, blob, root\)/],
    ['https://ci.example.org;evnt=push', /unknown option "evnt"/],
    ['https://ci.example.org;batch=0', /batch that is no whole number from 1 to 1000/],
    ['https://ci.example.org;timeout=5', /timeout that is no duration from 100ms to 5m/],
    ['https://ci.example.org;timeout=1h', /timeout/],
    ['https://ci.example.org;name=a b', /name of other characters/],
    ['https://ci.example.org;name=a;name=b', /the option "name" twice/],
    ['https://ci.example.org;header.Content-Length=1', /"content-length", which can not be set/],
    ['https://ci.example.org;header.X-A=ü', /malformed value for the header "x-a"/],
    ['https://ci.example.org;header.X A=1', /malformed header name/],
    [
      'https://ci.example.org;token=a;header.Authorization=b',
      /several values for the header "authorization"/,
    ],
    ['https://a:b@ci.example.org;token-file=/run/token', /several values for the header "authorization"/],
    ['https://ci.example.org;token=a;token-file=/run/token', /both a token and a token-file/],
    ['https://ci.example.org;token-file=/run/nothing', /webhook ci.example.org token-file \/run\/nothing/],
    [
      'https://ci.example.org;header-file.X-A=/run/lines',
      /header-file.x-a \/run\/lines: has more than one line/,
    ],
    ['https://ci.example.org;header-file.X-A=/run/empty', /header-file.x-a \/run\/empty: is empty/],
  ])('%s is a mistake', async (text, message) => {
    const files = { '/run/token': SECRET, '/run/lines': `${SECRET}\n${SECRET}`, '/run/empty': '\n' }
    const mistakes = await mistakesOf(load({ flags: { webhook: [text] }, files }))
    expect(mistakes).toMatch(message)
    expect(mistakes).toMatch(/webhook/)
    expect(mistakes).not.toContain(SECRET)
  })

  test('has a name of its own', async () => {
    const webhook = ['https://ci.example.org/a', 'https://ci.example.org/b']
    expect(await mistakesOf(load({ flags: { webhook } }))).toMatch(/more than one of the name ci.example.org/)
    const named = await webhooksOf('https://ci.example.org/a', 'https://ci.example.org/b;name=b')
    expect(named.map(({ name }) => name)).toEqual(['ci.example.org', 'b'])
  })
})

describe('what is shown of a webhook', () => {
  const texts = [
    `https://ci.example.org/${SECRET};token=${SECRET}`,
    `https://ci.example.org?key=${SECRET};header.X-Hook=${SECRET}`,
    `https://me:${SECRET}@ci.example.org/;name=ci`,
  ]

  test.each(texts)('has no secret: %s', async (text) => {
    const { inForce } = await load({ flags: { webhook: [text] } })
    const [shown] = inForce.find(({ name }) => name === 'webhook')?.texts ?? []
    expect(shown).toMatch(/^https:\/\/ci\.example\.org/)
    expect(shown).not.toContain(SECRET)
  })

  test.each([...texts, `https://ci.example.org/a;${SECRET}`, `https://ci.example.org/a;b=${SECRET}`])(
    'has none in a mistake: %s',
    async (text) => {
      const mistakes = await mistakesOf(load({ flags: { webhook: [`${text};batch=none`] } }))
      expect(mistakes).toContain('ci.example.org')
      expect(mistakes).not.toContain(SECRET)
    },
  )

  test('is enough to know it by', () => {
    expect(showWebhook('https://ci.example.org:8443/hook;name=ci;event=push;token-file=/run/t;token=x')).toBe(
      'https://ci.example.org:8443/***;name=ci;event=push;token-file=/run/t;token=***',
    )
    expect(showWebhook(SECRET)).not.toContain(SECRET)
  })
})
