import { unwatchFile, watchFile } from 'node:fs'

/** ms between looks at the files. */
const INTERVAL = 2_000
/** ms until what belongs together has changed together. */
const SETTLED = 200

/**
 * Call `onChange` when a file has become another. The files are looked at again and again: certificates and secrets are
 * often links to links, which change in folders that no watcher of theirs would see.
 *
 * @param interval ms
 * @returns a function that ends it
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void,
  interval: number = INTERVAL,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const changed = (): void => {
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLED)
    timer.unref()
  }
  for (const file of files) watchFile(file, { persistent: false, interval }, changed)
  return () => {
    clearTimeout(timer)
    for (const file of files) unwatchFile(file, changed)
  }
}
