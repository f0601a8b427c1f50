import { readFile } from 'node:fs/promises'
import { unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { Failure, messageOf } from '../errors.ts'

/** Paths of a PEM certificate chain and its private key. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface TlsPair {
  readonly cert: Buffer
  readonly key: Buffer
}

/** ms between looks at the files. */
const INTERVAL = 2_000
/** ms until the second file of a pair has come as well. */
const SETTLED = 200

/** @throws Failure SETTINGS_INVALID when the files can't be read, or do not fit each other */
export async function readTlsPair(files: TlsFiles): Promise<TlsPair> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)])
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (error) {
    throw new Failure(
      'SETTINGS_INVALID',
      `certificate ${files.cert} with key ${files.key}: ${messageOf(error)}`,
    )
  }
}

/**
 * Call `onChange` when a file has become another. The files are looked at again and again: certificates are often
 * links to links, which change in folders that no watcher of theirs would see.
 *
 * @param interval ms
 * @returns a function that ends it
 */
export function watchTlsFiles(
  { cert, key }: TlsFiles,
  onChange: () => void,
  interval: number = INTERVAL,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const changed = (): void => {
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLED)
    timer.unref()
  }
  for (const file of [cert, key]) watchFile(file, { persistent: false, interval }, changed)
  return () => {
    clearTimeout(timer)
    for (const file of [cert, key]) unwatchFile(file, changed)
  }
}
