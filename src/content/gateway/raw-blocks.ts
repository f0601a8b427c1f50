import type { CID } from 'multiformats/cid'
import { Failure, isFailure } from '../../errors.ts'
import { inlineBytes, MAX_BLOCK_BYTES, verifyBlock } from '../../verify/block.ts'
import { ask, headerOf } from '../transport/exchange.ts'
import type { Endpoint } from '../transport/endpoint.ts'
import { refusal } from '../transport/refusal.ts'
import type { BlockReader } from '../unixfs/blocks.ts'

/** Single blocks of a gateway: `?format=raw` (trustless gateway specification), each held to its CID. */
export function rawBlocks(endpoint: Endpoint): BlockReader {
  return {
    async get(cid, { signal }) {
      const inline = inlineBytes(cid)
      if (inline !== undefined) return inline
      const bytes = await fetchBlock(endpoint, cid, signal)
      verifyBlock(cid, bytes, endpoint.name)
      return bytes
    },
  }
}

async function fetchBlock(endpoint: Endpoint, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
  const answer = await ask(endpoint, {
    method: 'GET',
    path: `/ipfs/${cid.toString()}?format=raw`,
    headers: { accept: 'application/vnd.ipld.raw' },
    signal,
  })
  if (answer.status !== 200) throw await refusal(endpoint, answer, `block ${cid.toString()}`)
  if (headerOf(answer, 'content-type').startsWith('text/html')) {
    answer.body.discard()
    throw new Failure(
      'CONTENT_INVALID',
      `${endpoint.name} answers with a web page where a block was asked for`,
    )
  }
  try {
    return await answer.body.readAll(MAX_BLOCK_BYTES)
  } catch (error) {
    if (!isFailure(error, 'CONTENT_TOO_LARGE')) throw error
    throw new Failure('CONTENT_INVALID', `${error.message} for block ${cid.toString()}`, { cause: error })
  }
}
