import { createHash } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { FileDagBuilder, LEAF_SIZE, LINKS_PER_NODE } from '../../content/unixfs/file-dag.ts'
import { Failure, isFailure } from '../../errors.ts'
import { algorithmOf, digestOf } from '../../reference/digest.ts'
import type { AddedFile, Block, FileToAdd, PublishTarget } from '../target.ts'
import { multipartBody } from './multipart.ts'
import { runCommand } from './rpc.ts'
import type { KuboAddress } from './rpc.ts'

/** Every parameter that a CID depends on: the node's own settings and defaults must not matter. */
const ADD_PARAMETERS = {
  'cid-version': '1',
  hash: 'sha2-256',
  'raw-leaves': 'true',
  chunker: `size-${LEAF_SIZE}`,
  'max-file-links': String(LINKS_PER_NODE),
  trickle: 'false',
  inline: 'false',
  'preserve-mode': 'false',
  'preserve-mtime': 'false',
  pin: 'false',
  'wrap-with-directory': 'false',
  quieter: 'true',
  progress: 'false',
  // the network is told of the root once all is there, not of every file
  'fast-provide-root': 'false',
  'fast-provide-dag': 'false',
  'fast-provide-wait': 'false',
}

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
  if (answered !== cid.toString()) {
    const made = typeof answered === 'string' ? `made ${answered}` : 'said nothing'
    const advice = 'it may be too old to know max-file-links: Kubo 0.34 or newer does'
    throw new Failure('CONTENT_UNAVAILABLE', `Kubo ${made} of a file that is ${cid.toString()}: ${advice}`)
  }
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

async function putBlocks(kubo: KuboAddress, blocks: readonly Block[], signal: AbortSignal): Promise<void> {
  if (blocks.length === 0) return
  const body = multipartBody(blocks.map(({ bytes }) => ({ size: bytes.length, content: [bytes] })))
  const parameters = { 'cid-codec': 'dag-pb', mhtype: 'sha2-256', mhlen: '-1', pin: 'false' }
  const stored: unknown[] = []
  for await (const answer of runCommand(kubo, { name: 'block/put', parameters, body, signal })) {
    stored.push(answer['Key'])
  }
  const expected = blocks.map(({ cid }) => cid.toString())
  const lost = expected.find((cid, at) => stored[at] !== cid)
  if (lost !== undefined) throw new Failure('CONTENT_UNAVAILABLE', `Kubo did not store the folder ${lost}`)
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
