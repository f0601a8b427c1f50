import { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../../errors.ts'
import type { JsonObject } from '../../layout/json-object.ts'
import { runCommand } from '../../publish/kubo/rpc.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { AddedFile } from '../../publish/target.ts'

/** An entry of a folder. */
export interface MfsEntry {
  readonly name: string
  readonly cid: CID
  /** Bytes of a file; 0 of a folder. */
  readonly size: number
}

/** Nothing of ours is to be looked for in a network, and nothing takes long. */
export const LOCAL = { offline: 'true', timeout: '120s' }

/** Reads Kubo's MFS. */
export class MfsReader {
  readonly #kubo: KuboAddress

  constructor(kubo: KuboAddress) {
    this.#kubo = kubo
  }

  /** Names in a folder; undefined when there is no such folder. */
  async names(path: string, signal: AbortSignal): Promise<string[] | undefined> {
    const entries = await this.#list(path, 'false', signal)
    return entries?.map(({ Name }) => String(Name))
  }

  /** What is in a folder; undefined when there is no such folder. Reads a block of each entry. */
  async list(path: string, signal: AbortSignal): Promise<MfsEntry[] | undefined> {
    const entries = await this.#list(path, 'true', signal)
    return entries?.map(({ Name, Hash, Size }) => ({
      name: String(Name),
      cid: CID.parse(String(Hash)),
      size: Number(Size),
    }))
  }

  /** The file or folder at a path; undefined when nothing is there. */
  async stat(path: string, signal: AbortSignal): Promise<AddedFile | undefined> {
    const answer = await absentAsUndefined(one(this.#kubo, 'files/stat', { arg: path, ...LOCAL }, signal))
    if (answer === undefined) return undefined
    const { Hash, Size, CumulativeSize } = answer
    return { cid: CID.parse(String(Hash)), size: Number(Size), dagSize: Number(CumulativeSize) }
  }

  async #list(path: string, long: string, signal: AbortSignal): Promise<JsonObject[] | undefined> {
    const parameters = { arg: path, long, ...LOCAL }
    const answer = await absentAsUndefined(one(this.#kubo, 'files/ls', parameters, signal))
    if (answer === undefined) return undefined
    const entries = answer['Entries'] ?? []
    if (!Array.isArray(entries)) throw new Failure('CONTENT_UNAVAILABLE', `Kubo does not list ${path}`)
    return entries as JsonObject[]
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

async function absentAsUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
