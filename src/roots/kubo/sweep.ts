import type { CID } from 'multiformats/cid'
import type { Node } from './node.ts'
import { timeIn } from './folders.ts'
import { unpin, uploadPins } from './pins.ts'
import { lastSeen } from './upload-content.ts'
import { beginOf } from './upload-id.ts'

/** ms after which what is held for the length of one request only has been left behind by a crash. */
const REQUEST = 3_600_000

/** What is held no longer than its time. */
export interface Outdated {
  /** Of MFS, in the order in which they are to be removed. */
  readonly paths: readonly string[]
  /** Of pins. */
  readonly pins: readonly CID[]
}

/** Uploads and staged blobs that are older than `timeout` (ms), and what a crash has left behind. */
export async function outdated(node: Node, timeout: number, signal: AbortSignal): Promise<Outdated> {
  const oldest = node.now() - timeout
  const request = node.now() - Math.max(timeout, REQUEST)
  const paths = [
    ...(await oldUploads(node, oldest, signal)),
    ...(await oldStaged(node, oldest, signal)),
    ...(await entries(node, node.folders.commits, signal)).filter((path) => commitTime(path) < request),
  ]
  const pins = await uploadPins(node.kubo, signal)
  return {
    paths,
    pins: pins.filter(({ name }) => (timeIn(name) ?? Infinity) < request).map(({ cid }) => cid),
  }
}

/** Hold it no longer. Any gateway may do it, and several at once. */
export async function remove(node: Node, { paths, pins }: Outdated, signal: AbortSignal): Promise<void> {
  for (const path of paths) {
    signal.throwIfAborted()
    await node.writer.change(signal, (change) => change.remove(path))
  }
  for (const cid of pins) await unpin(node.kubo, cid, signal)
}

async function oldUploads(node: Node, oldest: number, signal: AbortSignal): Promise<string[]> {
  const old: string[] = []
  for (const id of await node.mfs.names(node.folders.uploads, signal)) {
    if ((beginOf(id) ?? Infinity) >= oldest) continue
    const names = await node.mfs.names(node.folders.upload(id), signal)
    if (lastSeen(id, names) < oldest) old.push(node.folders.upload(id))
  }
  return old
}

async function oldStaged(node: Node, oldest: number, signal: AbortSignal): Promise<string[]> {
  const old: string[] = []
  for (const root of await entries(node, node.folders.staged, signal)) {
    for (const repository of await entries(node, root, signal)) {
      const blobs = await entries(node, repository, signal)
      old.push(...blobs.filter((path) => (timeIn(path) ?? Infinity) < oldest))
    }
  }
  return old
}

/** Paths of what is in a folder. */
async function entries(node: Node, folder: string, signal: AbortSignal): Promise<string[]> {
  const names = await node.mfs.names(folder, signal)
  return names.map((name) => `${folder}/${name}`)
}

/** `…/1700000000000-<uuid>` → when it was made, ms since the epoch. */
function commitTime(path: string): number {
  return Number(/(\d{12,16})-[0-9a-f-]{36}$/.exec(path)?.[1] ?? Infinity)
}
