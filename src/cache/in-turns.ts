import { copyInto } from './copy-into.ts'

/**
 * Write pieces of any size in large ones, with two buffers in turn: while one is being written, the other is filled. What
 * came before the pieces break off is written.
 *
 * @param write resolves when what it was given before is the caller's again; `last`: the buffer is not full
 * @throws what the pieces or `write` throw; the buffers are in use until then, or until what was written last is done
 */
export async function writeInTurns(
  pieces: AsyncIterable<Uint8Array>,
  [first, second]: readonly [Buffer, Buffer],
  write: (bytes: Uint8Array, last: boolean) => Promise<void>,
): Promise<void> {
  let [filling, writing] = [first, second]
  let filled = 0
  const flush = async (): Promise<void> => {
    await write(filling.subarray(0, filled), filled < filling.length)
    ;[filling, writing] = [writing, filling]
    filled = 0
  }
  try {
    for await (const piece of pieces) {
      for (let offset = 0; offset < piece.length;) {
        const part = piece.subarray(offset, offset + filling.length - filled)
        copyInto(filling, part, filled)
        filled += part.length
        offset += part.length
        if (filled === filling.length) await flush()
      }
    }
  } finally {
    if (filled > 0) await flush()
  }
}
