/**
 * The same pieces, but a wait for the next one ends when the signal is aborted: a pipe that stays silent must not hold
 * up whoever gives up on it.
 */
export function abortable(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = pieces[Symbol.asyncIterator]()
      const end = () => {
        // not waited for: a silent source ends only when it speaks again
        iterator.return?.().catch(() => undefined)
      }
      return {
        next: () =>
          new Promise((resolve, reject) => {
            const onAbort = () => {
              end()
              reject(signal.reason as Error)
            }
            if (signal.aborted) return onAbort()
            signal.addEventListener('abort', onAbort, { once: true })
            iterator
              .next()
              .then(resolve, reject)
              .finally(() => signal.removeEventListener('abort', onAbort))
          }),
        return: async () => {
          end()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
