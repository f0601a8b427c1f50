import type { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../../errors.ts'
import { inlineBytes } from '../../verify/block.ts'
import { CarBlockReader } from '../car/car-block-reader.ts'
import { CarReader } from '../car/car-reader.ts'
import { type ContentPath, formatContentPath } from '../source.ts'
import type { Endpoint } from '../transport/endpoint.ts'
import type { BlockReader } from '../unixfs/blocks.ts'
import { isDirectory } from '../unixfs/directory.ts'
import { decodeNode, type UnixfsNode } from '../unixfs/node.ts'
import { resolvePath } from '../unixfs/path.ts'
import { type BlockMemory, noting, rememberingBlocks } from '../unixfs/remembered-blocks.ts'
import type { CarAnswer, CarQuery } from './car-request.ts'
import { requestCar } from './car-request.ts'

/** ms to wait for the end of an answer whose blocks have all come. */
const END_WAIT = 1000

/** A path that has been followed, block by verified block, to the block it leads to. */
export interface Walk {
  readonly cid: CID
  /** The block at `cid`, until the next one is read. */
  readonly bytes: Uint8Array
  /** What it says. */
  readonly node: UnixfsNode
  /** Reads what is below it. */
  readonly blocks: BlockReader
  /** Blocks that `blocks` may be asked for at once. */
  readonly readAhead: number
  /** @throws Failure CONTENT_INVALID when there is more than was asked for */
  finish(): Promise<void>
  close(): void
}

export interface WalkContext {
  readonly endpoint: Endpoint
  readonly memory: BlockMemory
  readonly raw: BlockReader
  readonly readAhead: number
}

/** Follow a path with one request per block that is not remembered. */
export async function walkRaw(context: WalkContext, path: ContentPath, signal: AbortSignal): Promise<Walk> {
  const closing = new AbortController()
  const either = AbortSignal.any([signal, closing.signal])
  const { cid } = await resolvePath(rememberingBlocks(context.raw, context.memory), path, { signal })
  return {
    cid,
    ...(await terminal(context, context.raw, cid, signal)),
    blocks: { get: (wanted) => context.raw.get(wanted, { signal: either }) },
    readAhead: context.readAhead,
    finish: async () => undefined,
    close: () => closing.abort(),
  }
}

/** Follow a path with one request; `refused` where the gateway may know no CARs. */
export async function walkCar(
  context: WalkContext,
  path: ContentPath,
  query: CarQuery,
  signal: AbortSignal,
): Promise<Walk | { readonly refused: Failure }> {
  const answer = await requestCar(context.endpoint, path, query, signal)
  if (answer.refused !== undefined) return answer
  const walk = new CarWalk(context, path, query, answer)
  try {
    return await walk.toTheEnd(signal)
  } catch (error) {
    walk.close()
    if (!walk.claimsAbsence || !isFailure(error, 'CONTENT_UNAVAILABLE')) throw error
    return await proveAbsence(context, path, signal)
  }
}

class CarWalk {
  readonly #context: WalkContext
  readonly #path: ContentPath
  readonly #whole: boolean
  readonly #body: Exclude<CarAnswer, { refused: Failure }>['body']
  readonly #car: CarReader
  readonly #blocks: CarBlockReader
  #roots: readonly CID[] = []
  #begun = false

  constructor(
    context: WalkContext,
    path: ContentPath,
    query: CarQuery,
    answer: Exclude<CarAnswer, { refused: Failure }>,
  ) {
    const { name } = context.endpoint
    this.#context = context
    this.#path = path
    this.#whole = query.bytes === undefined
    this.#body = answer.body
    this.#car = new CarReader(answer.body, name)
    this.#blocks = new CarBlockReader(this.#car, { name, dups: answer.dups, fallback: context.raw })
  }

  /** Whether this is the answer for a path that is not there: no blocks, and a header that names nothing. */
  get claimsAbsence(): boolean {
    const isNothing = this.#roots.every((root) => inlineBytes(root)?.byteLength === 0)
    return this.#begun && this.#blocks.taken === 0 && isNothing
  }

  async toTheEnd(signal: AbortSignal): Promise<Walk> {
    this.#roots = await this.#car.readRoots()
    this.#begun = true
    const onPath = noting(this.#blocks, this.#context.memory)
    const { cid, cids } = await resolvePath(onPath, this.#path, { signal })
    this.#checkRoots(cids)
    return {
      cid,
      ...(await terminal(this.#context, this.#blocks, cid, signal)),
      blocks: this.#blocks,
      readAhead: 1,
      finish: () => this.#finish(),
      close: () => this.close(),
    }
  }

  close(): void {
    this.#body.discard()
  }

  /** Senders may name what was asked for, what it leads to, or nothing; anything else is another answer than ours. */
  #checkRoots(cids: readonly CID[]): void {
    for (const root of this.#roots) {
      if (inlineBytes(root) !== undefined || cids.some((cid) => cid.equals(root))) continue
      const what = formatContentPath(this.#path)
      throw new Failure(
        'CONTENT_INVALID',
        `${this.#context.endpoint.name} answers for ${root.toString()}, not ${what}`,
      )
    }
  }

  /** Wait for the end of the CAR, so that the connection can be used again, and so that nothing is hidden there. */
  async #finish(): Promise<void> {
    const ended = this.#blocks.atEnd().catch((error: unknown) => {
      // All that was wanted has come; whether the end is a clean one is of no interest.
      if (isFailure(error, 'CONTENT_INVALID')) throw error
      return true
    })
    const isEnd = await within(END_WAIT, ended)
    this.close()
    // Of a range, senders may give the blocks around it too.
    if (isEnd === false && this.#whole) {
      const { name } = this.#context.endpoint
      throw new Failure(
        'CONTENT_INVALID',
        `${name} sends more blocks than ${formatContentPath(this.#path)} has`,
      )
    }
  }
}

/** What a path leads to; remembered if it is a directory, since other paths go through it. */
async function terminal(
  context: WalkContext,
  blocks: BlockReader,
  cid: CID,
  signal: AbortSignal,
): Promise<Pick<Walk, 'bytes' | 'node'>> {
  const bytes = await blocks.get(cid, { signal })
  const node = decodeNode(cid, bytes)
  if (isDirectory(node)) context.memory.add(cid, bytes)
  return { bytes, node }
}

/** The outcome, or undefined when it does not come in time. */
async function within<T>(ms: number, outcome: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  outcome.catch(() => undefined)
  try {
    return await Promise.race([outcome, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A CAR without blocks proves nothing; the directories do, read one by one.
 *
 * @throws Failure CONTENT_NOT_FOUND when they prove it, CONTENT_INVALID when they prove the contrary
 */
async function proveAbsence(context: WalkContext, path: ContentPath, signal: AbortSignal): Promise<never> {
  await resolvePath(rememberingBlocks(context.raw, context.memory), path, { signal })
  const message = `${context.endpoint.name} says that nothing is at ${formatContentPath(path)}, but its directory has it`
  throw new Failure('CONTENT_INVALID', message)
}
