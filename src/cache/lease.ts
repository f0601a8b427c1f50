/**
 * Pieces with something held for them that `release` lets go: at their end, at an early return, or when reading
 * fails. Unlike a generator's `finally`, this also holds when reading never began.
 */
export function leased(pieces: AsyncGenerator<Uint8Array>, release: () => void): AsyncIterable<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      try {
        const result = await pieces.next()
        if (result.done === true) release()
        return result
      } catch (error) {
        release()
        throw error
      }
    },
    return: async () => {
      release()
      await pieces.return(undefined)
      return { done: true, value: undefined }
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
