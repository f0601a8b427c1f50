import { expect, test } from '@jest/globals'
import { Upstream, type UpstreamParts } from '../../../src/repository/upstream/upstream.ts'
import type { Registry } from '../../../src/upstream/registry.ts'

const { signal } = new AbortController()

function upstreamOf(): Upstream {
  const parts = { tagTtl: 60_000, tagStale: 60_000, lingerMs: 0 } as UpstreamParts
  const registry = { name: 'one' } as Registry
  return new Upstream({ name: 'one', registry, redirectClients: false, excluded: () => undefined }, parts)
}

test('lists are kept as long as they are few, and no more of large ones than memory has room for', async () => {
  const upstream = upstreamOf()
  let asked = 0
  const list = (key: string, length: number) =>
    upstream.list({
      key,
      ask: () => {
        asked += 1
        return Promise.resolve({ tags: ['x'.repeat(length)] })
      },
      signal,
    })
  await list('small', 10)
  await list('small', 10)
  expect(asked).toBe(1)
  for (let index = 0; index < 20; index += 1) await list(`large ${index}`, 1024 * 1024)
  await list('large 19', 1024 * 1024)
  expect(asked).toBe(21)
  await list('large 0', 1024 * 1024)
  expect(asked).toBe(22)
})
