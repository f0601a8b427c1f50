import type { CID } from 'multiformats/cid'
import type { AddedFile } from '../../publish/target.ts'
import { isFailure, Failure } from '../../errors.ts'
import { countedBody } from '../../content/transport/counted-body.ts'
import type { Endpoint } from '../../content/transport/endpoint.ts'
import { ask } from '../../content/transport/exchange.ts'
import type { Answer } from '../../content/transport/exchange.ts'
import { refusal, textOf } from '../../content/transport/refusal.ts'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import { runCommand } from '../../publish/kubo/rpc.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import { MAX_BLOCK_BYTES, verifyBlock } from '../../verify/block.ts'

/** The blocks that a Kubo has, each held to its CID. None is looked for in a network. */
export function storedBlocks(endpoint: Endpoint): BlockReader {
  return {
    async get(cid, { signal }) {
      const answer = await call(endpoint, 'block/get', cid, signal)
      const bytes = await answer.body.readAll(MAX_BLOCK_BYTES)
      verifyBlock(cid, bytes, endpoint.name)
      return bytes
    },
  }
}

/**
 * The bytes of a file that a Kubo has.
 *
 * @throws Failure CONTENT_UNAVAILABLE when some of it is missing
 */
export async function* storedBytes(
  endpoint: Endpoint,
  { cid, size }: Pick<AddedFile, 'cid' | 'size'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const answer = await call(endpoint, 'cat', cid, signal)
  try {
    const count = { skip: 0, length: size, rest: 0, name: endpoint.name, what: cid.toString() }
    yield* countedBody(answer.body, count)
  } finally {
    answer.body.discard()
  }
}

/**
 * Look at every block of a DAG. Kubo reads all of it.
 *
 * @throws Failure CONTENT_NOT_FOUND when one is not stored
 */
export async function expectComplete(kubo: KuboAddress, cid: CID, signal: AbortSignal): Promise<void> {
  const missing = (cause?: unknown): Failure =>
    new Failure('CONTENT_NOT_FOUND', `Kubo does not have all of ${cid.toString()}`, { cause })
  const parameters = { arg: `/ipfs/${cid.toString()}`, recursive: 'true', unique: 'true', offline: 'true' }
  try {
    for await (const { Err } of runCommand(kubo, { name: 'refs', parameters, signal })) {
      if (typeof Err === 'string' && Err !== '') throw missing(Err)
    }
  } catch (error) {
    if (isFailure(error, 'CONTENT_UNAVAILABLE') && /not found|could not find/i.test(error.message)) {
      throw missing(error)
    }
    throw error
  }
}

async function call(endpoint: Endpoint, command: string, cid: CID, signal: AbortSignal): Promise<Answer> {
  const query = new URLSearchParams({ arg: cid.toString(), offline: 'true' }).toString()
  const answer = await ask(endpoint, { method: 'POST', path: `/api/v0/${command}?${query}`, signal })
  if (answer.status === 200) return answer
  if (answer.status !== 500) throw await refusal(endpoint, answer, cid.toString())
  const message = `${endpoint.name} does not have ${cid.toString()}: ${await textOf(answer)}`
  throw new Failure('CONTENT_UNAVAILABLE', message)
}
