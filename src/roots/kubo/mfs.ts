import { CID } from 'multiformats/cid'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import { Failure, isFailure } from '../../errors.ts'
import type { JsonObject } from '../../layout/json-object.ts'
import { runCommand } from '../../publish/kubo/rpc.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import { readFolder } from './folder.ts'
import type { Folder, FolderEntry } from './folder.ts'

/** ms to wait for what Kubo reads from its disk. */
const PATIENCE = 20_000

/**
 * Reads Kubo's MFS: the folders only. What is in them is read as blocks, since a Kubo that is online looks for a missing
 * block of MFS in the network, for ever, whatever it is told.
 */
export class MfsReader {
  readonly #kubo: KuboAddress
  readonly #blocks: BlockReader

  constructor(kubo: KuboAddress, blocks: BlockReader) {
    this.#kubo = kubo
    this.#blocks = blocks
  }

  /** What is in a folder; undefined when there is no such folder. */
  async entries(path: string, signal: AbortSignal): Promise<readonly FolderEntry[] | undefined> {
    return (await this.folder(path, signal))?.entries
  }

  /** Names in a folder; none when there is no such folder. */
  async names(path: string, signal: AbortSignal): Promise<string[]> {
    return ((await this.entries(path, signal)) ?? []).map(({ name }) => name)
  }

  /** A folder; undefined when nothing is there. */
  async folder(path: string, signal: AbortSignal): Promise<Folder | undefined> {
    try {
      const { Hash } = await one(this.#kubo, 'files/stat', { arg: path }, signal, PATIENCE)
      if (typeof Hash !== 'string')
        throw new Failure('CONTENT_UNAVAILABLE', `Kubo does not say what ${path} is`)
      return await readFolder(CID.parse(Hash), this.#blocks, signal)
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }
}

/** Run a command whose answer is one object, or nothing. */
export async function one(
  kubo: KuboAddress,
  name: string,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  signal: AbortSignal,
  patience?: number,
): Promise<JsonObject> {
  let last: JsonObject = {}
  const command = { name, parameters, signal, ...(patience === undefined ? {} : { patience }) }
  for await (const answer of runCommand(kubo, command)) last = answer
  return last
}

/** Whether Kubo says that a path of MFS leads nowhere. A block that is missing is something else. */
export function isAbsent(error: unknown): boolean {
  return isFailure(error) && /file does not exist/i.test(error.message)
}
