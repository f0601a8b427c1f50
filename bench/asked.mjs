import { setTimeout as delay } from 'node:timers/promises'
import { alternate } from './rounds.mjs'
import { range } from './table.mjs'

/** ms without an answer of the origin after which it is not asked any more. */
const QUIET = 1000

/**
 * Measure `pull(scope, cache, count)` in rounds, with what the origin is asked by what is given to its `count`.
 *
 * @param options `caches`: name → what `pull` is given; `originOf(cache)`: what counts the requests of that one
 */
export async function counted({ scope, caches, originOf, rounds, log }, pull) {
  const counts = new Map([...caches.keys()].map((name) => [name, []]))
  const measures = [...caches].map(([name, cache]) => [
    name,
    () =>
      within(scope, (own) =>
        pull(own, cache, async (download) => {
          const { value, ...asked } = await askedOf(originOf(cache), download)
          counts.get(name).push(asked)
          return value
        }),
      ),
  ])
  const figures = await alternate(new Map(measures), { rounds, log })
  return { figures, counts }
}

/** What `download` resolves to, and what the origin is asked from its beginning until nothing more comes. */
export async function askedOf(origin, download) {
  const before = await origin.asked()
  const value = await download()
  let earlier
  let after = await origin.asked()
  while (after.requests !== earlier?.requests) {
    await delay(QUIET)
    earlier = after
    after = await origin.asked()
  }
  return { value, requests: after.requests - before.requests, bytes: after.bytes - before.bytes }
}

/** Rows of a table; `size` in bytes is that of all `objects` together. */
export function countTable(counts, { objects, size }) {
  const head = ['', 'requests to the origin', 'for each object', '× the bytes']
  const rows = [...counts].map(([name, rounds]) => [
    name,
    range(rounds.map(({ requests }) => requests)),
    range(rounds.map(({ requests }) => requests / objects)),
    range(rounds.map(({ bytes }) => bytes / size)),
  ])
  return [head, ...rows]
}

/** `use(scope)` with a scope that ends with it. */
export async function within(scope, use) {
  const own = scope.inner()
  try {
    return await use(own)
  } finally {
    await own.end()
  }
}
