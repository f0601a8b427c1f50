import { MAX_BLOCK_BYTES, verifyBlock } from '../../verify/block.ts'
import { endpointAt } from '../transport/endpoint.ts'
import type { BlockReader } from '../unixfs/blocks.ts'
import { callRpc } from './rpc.ts'
import type { KuboSourceOptions } from './source.ts'

/** Single blocks of a Kubo by its RPC (`block/get`), each held to its CID. */
export function kuboBlocks(options: Omit<KuboSourceOptions, 'gatewayUrlOf'>): BlockReader {
  const endpoint = endpointAt(options.rpcUrl, options)
  return {
    async get(cid, { signal }) {
      const answer = await callRpc(endpoint, 'block/get', { root: cid, segments: [] }, {}, signal)
      const bytes = await answer.body.readAll(MAX_BLOCK_BYTES)
      verifyBlock(cid, bytes, endpoint.name)
      return bytes
    },
  }
}
