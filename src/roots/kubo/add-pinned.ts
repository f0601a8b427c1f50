import { CID } from 'multiformats/cid'
import { FileDagBuilder } from '../../content/unixfs/file-dag.ts'
import { Failure } from '../../errors.ts'
import { ADD_PARAMETERS, differentFile } from '../../publish/kubo/add.ts'
import { multipartBody } from '../../publish/kubo/multipart.ts'
import { runCommand } from '../../publish/kubo/rpc.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { AddedFile } from '../../publish/target.ts'
import { PIN_PREFIX, unpin } from './pins.ts'
import { COLLECTION_PATIENCE } from './uncollected.ts'

/** Bytes that are sent at a time, and how many of these are in memory. */
const SENT = 128 * 1024
const BUFFERS = 8

export interface PinnedFile {
  readonly file: AddedFile
  /** A folder with the file as its only entry, pinned. */
  readonly pinned: CID
}

/**
 * Add a file while its bytes come, held by a pin from the first one on. A pin is one for each CID and has no owner, so
 * what is pinned is a folder of a name that nobody else has: the pin is ours, whoever else pins the file.
 *
 * @param name unique; the pin's, behind {@link PIN_PREFIX}
 * @param pieces each valid until the next one is asked for
 * @throws what `pieces` throws; nothing stays then but garbage
 */
export async function addPinned(
  kubo: KuboAddress,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<PinnedFile> {
  const dag = new FileDagBuilder()
  let broken: { error: unknown } | undefined
  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      yield* joined(pieces, (piece) => dag.write(piece))
    } catch (error) {
      broken = { error }
      throw error
    }
  }
  const added = new Map<unknown, unknown>()
  try {
    const answers = runCommand(kubo, {
      name: 'add',
      parameters: {
        ...ADD_PARAMETERS,
        pin: 'true',
        'pin-name': `${PIN_PREFIX}${name}`,
        'wrap-with-directory': 'true',
      },
      body: multipartBody([{ size: undefined, name, content: content() }]),
      signal,
      patience: COLLECTION_PATIENCE,
    })
    for await (const { Name, Hash } of answers) added.set(Name, Hash)
  } catch (error) {
    throw broken === undefined ? error : broken.error
  }
  const pinned = added.get('')
  if (typeof pinned !== 'string') throw new Failure('CONTENT_UNAVAILABLE', 'Kubo does not say what it added')
  const { cid, size, dagSize } = dag.finish()
  if (added.get(name) !== cid.toString()) {
    await unpin(kubo, CID.parse(pinned), signal)
    throw differentFile(added.get(name), cid)
  }
  return { file: { cid, size, dagSize }, pinned: CID.parse(pinned) }
}

/**
 * Copies of pieces, joined to larger ones, in a few buffers in turn: new ones each time cost more than all else. Of them
 * two or three are on their way at most, one in the request and one in the socket; and were one filled too soon, what
 * Kubo made of it would have another CID.
 */
async function* joined(
  pieces: AsyncIterable<Uint8Array>,
  onPiece: (piece: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(SENT))
  let turn = 0
  let filled = 0
  for await (const piece of pieces) {
    onPiece(piece)
    for (let from = 0; from < piece.length;) {
      const buffer = buffers[turn % BUFFERS] as Buffer
      const taken = Math.min(piece.length - from, SENT - filled)
      buffer.set(piece.subarray(from, from + taken), filled)
      filled += taken
      from += taken
      if (filled < SENT) continue
      yield buffer
      turn += 1
      filled = 0
    }
  }
  if (filled > 0) yield (buffers[turn % BUFFERS] as Buffer).subarray(0, filled)
}
