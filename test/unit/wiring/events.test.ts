import { expect, test } from '@jest/globals'
import { Failure, type ErrorCode } from '../../../src/errors.ts'
import type { ResolvedName } from '../../../src/naming/resolver.ts'
import { LABELS } from '../../../src/observability/metric-definitions.ts'
import { silentLogger } from '../../../src/observability/logger.ts'
import { OUTCOMES } from '../../../src/observability/outcome.ts'
import { cacheEvents, countedNames, lookupEvents, sourceEvents } from '../../../src/wiring/events.ts'
import { dnslink } from '../../fixtures/name-lookups.ts'
import { recordedMetrics } from '../../fixtures/recorded-metrics.ts'
import { ed25519Key } from '../../fixtures/ipns-keys.ts'

const { signal } = new AbortController()
const failure = (code: ErrorCode): Failure => new Failure(code, 'told to')

const ENDS = [
  [undefined, 'ok'],
  [failure('CONTENT_NOT_FOUND'), 'not_found'],
  [failure('CONTENT_UNAVAILABLE'), 'unavailable'],
  [failure('CONTENT_TIMEOUT'), 'timeout'],
  [failure('CONTENT_INVALID'), 'invalid'],
  [failure('CONTENT_TOO_LARGE'), 'invalid'],
  [failure('MANIFEST_UNKNOWN'), 'not_found'],
  [failure('UPSTREAM_DENIED'), 'denied'],
  [failure('UPSTREAM_LIMITED'), 'limited'],
  [failure('OVERLOADED'), 'overloaded'],
  [new Error('of the system'), 'unavailable'],
] as const

test.each(ENDS)('a request to a source that ends with %s counts as %s', (end, outcome) => {
  const { metrics, calls } = recordedMetrics()
  sourceEvents({ metrics, logger: silentLogger() }).ended('kubo', end)
  expect(calls[0]).toBe(`source_requests_total{source=kubo,outcome=${outcome}} 1`)
  expect(calls.slice(1)).toEqual(outcome === 'overloaded' ? ['overloaded_total{queue=source} 1'] : [])
})

test('a request to a source that was given up counts as cancelled', () => {
  const { metrics, calls } = recordedMetrics()
  sourceEvents({ metrics, logger: silentLogger() }).cancelled('kubo')
  expect(calls).toEqual(['source_requests_total{source=kubo,outcome=cancelled} 1'])
})

test('the documented outcomes are those that are given', () => {
  const given = new Set<string>([...ENDS.map(([, outcome]) => outcome), 'cancelled'])
  expect([...given].sort()).toEqual([...OUTCOMES].sort())
  for (const outcome of OUTCOMES) expect(LABELS['outcome']).toContain(`\`${outcome}\``)
})

test.each([
  ['key', undefined, 'name_resolutions_total{kind=ipns,outcome=ok} 1'],
  ['dnslink', failure('NAME_UNRESOLVED'), 'name_resolutions_total{kind=dnslink,outcome=unavailable} 1'],
] as const)('a look-up of a %s is counted and timed', (kind, end, counted) => {
  const { metrics, calls } = recordedMetrics()
  lookupEvents(metrics, silentLogger())({ lookup: 'dns', name: 'n', kind, took: 250, failure: end })
  const label = kind === 'key' ? 'ipns' : 'dnslink'
  expect(calls).toEqual([counted, `name_resolution_seconds{kind=${label}} 0.25`])
})

test('what the cache tells is counted', () => {
  const { metrics, calls } = recordedMetrics()
  const events = cacheEvents(metrics, silentLogger())
  events.hit('memory')
  events.hit('disk')
  events.miss()
  events.evicted()
  events.overloaded()
  events.writeFailed(new Error('full'))
  events.readFailed(`sha256:${'0'.repeat(64)}`, new Error('gone'))
  expect(calls).toEqual([
    'cache_hits_total{cache=memory} 1',
    'cache_hits_total{cache=blobs} 1',
    'cache_misses_total{cache=blobs} 1',
    'cache_evictions_total{cache=memory} 1',
    'overloaded_total{queue=fills} 1',
    'cache_write_failures_total{} 1',
    'cache_read_failures_total{} 1',
  ])
})

test('stale answers of the resolver are counted, fresh ones are not', async () => {
  const { metrics, calls } = recordedMetrics()
  const path = { root: ed25519Key().name.key, segments: [] }
  const stale: { since: number | undefined } = { since: undefined }
  const answer = (): ResolvedName => ({ path, maxAge: 0, staleSince: stale.since, previous: [] })
  const names = countedNames({ resolve: () => Promise.resolve(answer()) }, metrics)
  await names.resolve(dnslink('example.org'), { signal })
  expect(calls).toEqual([])
  stale.since = 1
  expect(await names.resolve(dnslink('example.org'), { signal })).toEqual(answer())
  await names.resolve(ed25519Key().name, { signal })
  expect(calls).toEqual(['stale_names_served_total{kind=dnslink} 1', 'stale_names_served_total{kind=ipns} 1'])
})

test('names that wait for nothing because too many do are counted, other failures are not', async () => {
  const { metrics, calls } = recordedMetrics()
  for (const code of ['NAME_UNRESOLVED', 'OVERLOADED'] as const) {
    const names = countedNames({ resolve: () => Promise.reject(failure(code)) }, metrics)
    await expect(names.resolve(dnslink('example.org'), { signal })).rejects.toMatchObject({ code })
  }
  expect(calls).toEqual(['overloaded_total{queue=names} 1'])
})
