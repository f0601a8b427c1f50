import { createHash } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { FileDagBuilder } from '../../content/unixfs/file-dag.ts'
import { Failure, isFailure } from '../../errors.ts'
import { algorithmOf, digestOf } from '../../reference/digest.ts'
import type { AddedFile, FileToAdd, PublishTarget } from '../target.ts'
import { ADD_PARAMETERS, differentFile } from './add.ts'
import { multipartBody } from './multipart.ts'
import { putBlocks } from './put-blocks.ts'
import { runCommand } from './rpc.ts'
import type { KuboAddress } from './rpc.ts'

/**
 * Publishes into a Kubo node over its RPC API: files by `add`, directories as blocks, the root pinned. Nothing else
 * is pinned on the way, so that no pin is left behind when publishing is interrupted; what the node's garbage
 * collection takes meanwhile is noticed by `pin`.
 */
export function createKuboTarget(kubo: KuboAddress): PublishTarget {
  return {
    name: 'kubo',
    addFile: (file, options) => addFile(kubo, file, options),
    putBlocks: (blocks, { signal }) => putBlocks(kubo, [...blocks], signal),
    pin: (root, options) => pin(kubo, root, options),
  }
}

async function addFile(
  kubo: KuboAddress,
  file: FileToAdd,
  options: { signal: AbortSignal; onBytes?: (count: number) => void },
): Promise<AddedFile> {
  const builder = new FileDagBuilder()
  let wrong: Failure | undefined
  const content = checkedContent(file, builder, options, (failure) => (wrong = failure))
  const body = multipartBody([{ size: file.size, content }])
  let answered: unknown
  try {
    const answers = runCommand(kubo, {
      name: 'add',
      parameters: ADD_PARAMETERS,
      body,
      signal: options.signal,
    })
    for await (const answer of answers) answered = answer['Hash']
  } catch (error) {
    throw wrong ?? error
  }
  const { cid, size, dagSize } = builder.finish()
  if (answered !== cid.toString()) throw differentFile(answered, cid)
  return { cid, size, dagSize }
}

/** The file as it is sent, held to its size and digest: a wrong one ends the request before Kubo has all of it. */
async function* checkedContent(
  file: FileToAdd,
  builder: FileDagBuilder,
  options: { signal: AbortSignal; onBytes?: (count: number) => void },
  onWrong: (failure: Failure) => void,
): AsyncGenerator<Uint8Array> {
  const fail = (message: string): Failure => {
    const failure = new Failure('LAYOUT_INVALID', message)
    onWrong(failure)
    return failure
  }
  const name = file.digest ?? 'a file'
  const algorithm = file.digest === undefined ? undefined : algorithmOf(file.digest)
  const hash = algorithm === undefined ? undefined : createHash(algorithm)
  let size = 0
  try {
    for await (const piece of file.open(options.signal)) {
      size += piece.length
      if (size > file.size) throw fail(`${name} grew while it was read`)
      hash?.update(piece)
      builder.write(piece)
      yield piece
      options.onBytes?.(piece.length)
    }
  } catch (error) {
    if (error instanceof Failure) onWrong(error)
    throw error
  }
  if (size < file.size) throw fail(`${name} shrank while it was read`)
  if (hash !== undefined && algorithm !== undefined) {
    const actual = digestOf(algorithm, hash.digest('hex'))
    if (actual !== file.digest) throw fail(`${name} changed while it was read: it is ${actual} now`)
  }
}

async function pin(
  kubo: KuboAddress,
  root: CID,
  options: { label: string; signal: AbortSignal },
): Promise<void> {
  const parameters = {
    arg: root.toString(),
    recursive: 'true',
    name: options.label.slice(0, 200),
    // reports come while it walks, so that a long walk is told from a stuck node
    progress: 'true',
    // all is there already: what is not has been collected, and is not to be looked for in the network
    offline: 'true',
  }
  let pinned = false
  try {
    for await (const answer of runCommand(kubo, { name: 'pin/add', parameters, signal: options.signal })) {
      const pins = answer['Pins']
      if (Array.isArray(pins) && pins.includes(root.toString())) pinned = true
    }
  } catch (error) {
    if (!isFailure(error) || !/not found|could not find/i.test(error.message)) throw error
    const message = `Kubo collected blocks of ${root.toString()} as garbage before they were pinned; publish it again`
    throw new Failure('CONTENT_NOT_FOUND', message, { cause: error })
  }
  if (!pinned) throw new Failure('CONTENT_UNAVAILABLE', `Kubo did not say that ${root.toString()} is pinned`)
}
