import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { STATUS_POLICY, statusPage } from '../../../src/observability/status-page.ts'
import type { GatewayStatus } from '../../../src/observability/status.ts'
import { askedStatus, gatewayStatus, rootStatus } from '../../fixtures/gateway-status.ts'

const NASTY = `<script>alert("1")</script> & 'it' <!-- </style></title>`
const TIME = '2026-01-02T03:00:00.000Z'

function page(changes: Partial<GatewayStatus> = {}, refreshes = true): string {
  return statusPage(gatewayStatus(changes), { refreshes })
}

/** As a person reads it, in one line. */
function textOf(html: string): string {
  return html
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
}

describe('the state, in words', () => {
  test('ready', () => {
    expect(page()).toContain('<title>Ready · ipfs-registry-gateway</title>')
    expect(textOf(page())).toContain('embedded answers')
  })

  test('ready with a source that is down, and one not looked at yet', () => {
    const sources = [
      { ...askedStatus('kubo'), healthy: false },
      { ...askedStatus('embedded'), healthy: true },
      { ...askedStatus('gateway:host'), healthy: null },
    ]
    const shown = page({ sources })
    expect(shown).toContain('<title>Ready, but 1 of 3 sources does not answer · ')
    expect(textOf(shown)).toMatch(/kubo does not answer.*embedded answers.*gateway:host not looked at yet/)
  })

  test('not ready, and why', () => {
    const shown = page({ ready: false, reasons: ['shutting down', 'no source answers'] })
    expect(shown).toContain('<title>Not ready: shutting down, no source answers · ')
  })
})

test('everything that came from elsewhere is escaped', () => {
  const failure = { time: TIME, outcome: NASTY, message: NASTY }
  const asked = askedStatus(NASTY, { last_failure: failure })
  const publishing = {
    ipns_name: NASTY,
    published: NASTY,
    seen: TIME,
    behind_since: TIME,
    behind_seconds: 3,
    error: NASTY,
  }
  const shown = page({
    version: NASTY,
    ready: false,
    reasons: [NASTY],
    sources: [{ ...asked, healthy: true }],
    upstreams: [{ ...asked, limited_until: NASTY }],
    roots: [
      rootStatus(NASTY, { version: 1, cid: NASTY, publishing }),
      rootStatus(NASTY, { error: NASTY, publishing: { ...publishing, behind_since: null } }),
    ],
    followed_roots: [NASTY, null].map((error) => ({
      root: NASTY,
      kept: NASTY,
      kept_since: TIME,
      age_seconds: 5,
      repositories: 1,
      fetching: NASTY,
      error,
    })),
    webhooks: [
      { name: NASTY, waiting_events: 1, delivered_total: 2, lost_total: 3, failed_requests_total: 4 },
    ],
    errors: {
      lines: [{ time: TIME, level: NASTY, message: NASTY }],
      answers: [
        {
          time: TIME,
          request_id: NASTY,
          method: NASTY,
          path: NASTY,
          status: 500,
          code: NASTY,
          message: NASTY,
        },
      ],
    },
  })
  expect(shown).not.toContain('<script')
  expect(shown).not.toContain('<!--')
  expect(shown.match(/<\/style>/g)).toHaveLength(1)
  expect(shown).not.toMatch(/="[^"]*"1/)
  expect(shown.match(/&lt;script&gt;alert\(&quot;1&quot;\)/g)?.length).toBeGreaterThan(20)
})

test('what the policy allows is the style sheet of the page, and nothing else', () => {
  const [, style = ''] = /<style>(.*)<\/style>/s.exec(page()) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  expect(STATUS_POLICY).toContain(`style-src 'sha256-${hash}'`)
  expect(STATUS_POLICY).toContain("default-src 'none'")
  expect(page()).not.toMatch(/ style=|<script| src=| on[a-z]+=/)
})

test('the page is loaded again by itself, or held', () => {
  expect(page({}, true)).toMatch(/<meta http-equiv="refresh" content="\d+" \/>/)
  expect(page({}, false)).not.toContain('http-equiv')
})

test('a language, one main heading, captions and scopes', () => {
  const shown = page({ roots: [rootStatus('home')] })
  expect(shown).toMatch(/^<!doctype html>\s*<html lang="en">/)
  expect(shown.match(/<h1>/g)).toHaveLength(1)
  expect(shown.match(/<caption>[^<]+<\/caption>/g)).toHaveLength((shown.match(/<table/g) ?? []).length)
  expect(shown.match(/<th /g)).toHaveLength((shown.match(/ scope="(col|row)"/g) ?? []).length)
})

describe('unhappy states', () => {
  test('an upstream that wants fewer requests', () => {
    const upstream = { ...askedStatus('docker.io'), limited_until: '2026-01-02T03:10:00.000Z' }
    expect(textOf(page({ upstreams: [upstream] }))).toContain(
      'docker.io wants fewer requests until 2026-01-02 03:10:00',
    )
  })

  test('a source that has sent wrong bytes', () => {
    const source = { ...askedStatus('gateway:host', { digest_mismatches_total: 2 }), healthy: true }
    expect(textOf(page({ sources: [source] }))).toContain('sent wrong bytes: 2 times')
  })

  test('roots: private, not readable, never pushed to, behind', () => {
    const publishing = {
      ipns_name: null,
      published: null,
      seen: null,
      behind_since: TIME,
      behind_seconds: 245,
    }
    const text = textOf(
      page({
        roots: [
          rootStatus('private', { private: true, version: 7, changed: TIME, age_seconds: 3600 }),
          rootStatus('team', { error: 'not read within 1 s' }),
          rootStatus('home', { publishing: { ...publishing, error: 'no router takes it' } }),
        ],
      }),
    )
    expect(text).toContain('private 7 1 h ago 2026-01-02 03:00:00 not told: it is private –')
    expect(text).toContain('team – – not known not read within 1 s –')
    expect(text).toContain('nothing has been pushed yet no key yet behind for 4 min no router takes it')
  })

  test('a webhook that has lost events', () => {
    const counts = { waiting_events: 0, delivered_total: 12, lost_total: 3, failed_requests_total: 40 }
    expect(textOf(page({ webhooks: [{ name: 'audit', ...counts }] }))).toContain('audit 0 12 3 40')
  })

  test('a cache that can not be written or read', () => {
    const { cache } = gatewayStatus()
    const text = textOf(
      page({ cache: { ...cache, disk: null, write_failures_total: 1, read_failures_total: 2 } }),
    )
    expect(text).toContain('1 blob could not be written to the store')
    expect(text).toContain('2 stored blobs were damaged')
    expect(text).toContain('Nothing is kept on a disk')
  })

  test('nothing at all', () => {
    const text = textOf(page({ sources: [] }))
    expect(text).toContain('No source is configured.')
    expect(text).toContain('No other registry is configured.')
    expect(text).toContain('Nothing is pushed to this gateway.')
  })
})
