/**
 * A body that can be ended at any moment: also before its first piece was asked for, and while one is waited for.
 *
 * @param close stops what the body is read from; called once at most, at its end too
 */
export function closableBody(
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
  close: () => void,
): AsyncIterable<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array, void> = {
    async next() {
      try {
        const step = await pieces.next()
        if (step.done === true) close()
        return step
      } catch (error) {
        close()
        throw error
      }
    },
    async return() {
      close()
      // What fails because it was closed is of no interest to someone who leaves.
      await pieces.return().catch(() => undefined)
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
