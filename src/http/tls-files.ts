import { readFile } from 'node:fs/promises'
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
