/**
 * Do something for each item, for at most `limit` items at once. The first failure ends the others through their
 * signal, and is thrown when all have ended.
 */
export async function forEachConcurrently<Item>(
  items: Iterable<Item>,
  limit: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const iterator = items[Symbol.iterator]()
  const errors: unknown[] = []
  const workThrough = async () => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      try {
        either.throwIfAborted()
        await work(next.value, either)
      } catch (error) {
        errors.push(error)
        failed.abort(error)
        return
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, workThrough))
  if (errors.length > 0) throw errors[0]
}
