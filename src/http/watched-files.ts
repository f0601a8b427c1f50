import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

/** ms between looks at the files. */
const INTERVAL = 2_000
/** ms until what belongs together has changed together. */
const SETTLED = 200

/**
 * Call `onChange` when a file has become another than it is now. The files are looked at again and again: certificates and
 * secrets are often links to links, which change in folders that no watcher of theirs would see.
 *
 * @param interval ms
 * @returns a function that ends it
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void,
  interval: number = INTERVAL,
): () => void {
  // At once: node:fs.watchFile looks for the first time when it comes to it, and misses what has changed by then.
  const known = new Map(files.map((file) => [file, stateNow(file)]))
  let ended = false
  let settling: NodeJS.Timeout | undefined
  let next = setTimeout(look, interval).unref()

  function look(): void {
    void Promise.all(files.map(lookAt)).then(() => {
      if (!ended) next = setTimeout(look, interval).unref()
    })
  }

  async function lookAt(file: string): Promise<void> {
    const state = await stat(file, { bigint: true }).then(stateOf, () => GONE)
    if (ended || known.get(file) === state) return
    known.set(file, state)
    clearTimeout(settling)
    settling = setTimeout(onChange, SETTLED).unref()
  }

  return () => {
    ended = true
    clearTimeout(next)
    clearTimeout(settling)
  }
}

/** What is different when a file has been written, or is another. */
interface FileTimes {
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

const GONE = 'gone'

function stateOf({ ino, size, mtimeNs, ctimeNs }: FileTimes): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
}

function stateNow(file: string): string {
  try {
    return stateOf(statSync(file, { bigint: true }))
  } catch {
    return GONE
  }
}
