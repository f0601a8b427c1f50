/**
 * A body that can be ended at any moment: before its first piece was asked for (when a generator's `finally` would not
 * run), and while one is waited for.
 *
 * @param close stops what the body is read from; called once, at its end too
 */
export function closableBody(
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
  close: () => void,
): AsyncIterable<Uint8Array> {
  let closed = false
  const closeOnce = (): void => {
    if (closed) return
    closed = true
    close()
  }
  const iterator: AsyncIterator<Uint8Array, void> = {
    async next() {
      try {
        const step = await pieces.next()
        if (step.done === true) closeOnce()
        return step
      } catch (error) {
        closeOnce()
        throw error
      }
    },
    async return() {
      closeOnce()
      // What fails because it was closed is of no interest to someone who leaves.
      await pieces.return().catch(() => undefined)
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

/** End a body that nobody reads to its end. */
export async function endBody(body: AsyncIterable<Uint8Array>): Promise<void> {
  await body[Symbol.asyncIterator]().return?.()
}
