import type { AddedFile } from '../../publish/target.ts'
import { digestOf, isDigest } from '../../reference/digest.ts'
import type { Digest, DigestAlgorithm } from '../../reference/digest.ts'
import { addLinked } from './add-linked.ts'
import { storedBytes } from './blocks.ts'
import { hold } from './hold.ts'
import { canJoin, joinedFile } from './joined-file.ts'
import type { Node } from './node.ts'
import { RunningHash } from './running-hashes.ts'
import type { StoredPart } from './upload-content.ts'

export interface FinishedFile {
  readonly file: AddedFile
  readonly digest: Digest
}

/**
 * One file of the parts of an upload, held by an entry of the upload. The bytes are read once where the digest is not
 * known, or where the leaves of the parts are not those of the whole.
 *
 * @param known the digest, or by which algorithm it is wanted
 */
export async function finishedFile(
  node: Node,
  id: string,
  parts: readonly StoredPart[],
  known: Digest | DigestAlgorithm,
  signal: AbortSignal,
): Promise<FinishedFile> {
  const hash = isDigest(known) ? undefined : new RunningHash(known)
  const bytes = (): AsyncIterable<Uint8Array> => bytesOf(node, parts, hash, signal)
  let file: AddedFile
  if (canJoin(parts)) {
    file = await joined(node, id, parts, signal)
    if (hash !== undefined) for await (const piece of bytes()) void piece
  } else {
    file = await addedAgain(node, id, bytes(), signal)
  }
  const digest = hash === undefined ? (known as Digest) : digestOf(hash.algorithm, hash.digest())
  return { file, digest }
}

async function joined(
  node: Node,
  id: string,
  parts: readonly StoredPart[],
  signal: AbortSignal,
): Promise<AddedFile> {
  const { cid, size, dagSize, innerBlocks } = await joinedFile(parts, node.blocks, signal)
  if (parts.length > 1) await hold(node, cid, innerBlocks, { path: wholeOf(node, id) }, signal)
  return { cid, size, dagSize }
}

/** The bytes once more, as one file. */
async function addedAgain(
  node: Node,
  id: string,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<AddedFile> {
  const name = `${id}-whole-${node.now()}`
  const { file } = await addLinked(node, name, bytes, signal, (change, { cid }) =>
    change.link(cid, wholeOf(node, id)),
  )
  return file
}

function wholeOf({ folders }: Node, id: string): string {
  return `${folders.upload(id)}/whole-${crypto.randomUUID()}`
}

async function* bytesOf(
  { endpoint }: Node,
  parts: readonly StoredPart[],
  hash: RunningHash | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    for await (const piece of storedBytes(endpoint, part, signal)) {
      hash?.update(piece)
      yield piece
    }
  }
}
