import { Failure } from '../../errors.ts'
import { codecName } from '../../reference/codec-name.ts'
import type { Block } from '../target.ts'
import { multipartBody } from './multipart.ts'
import { runCommand } from './rpc.ts'
import type { KuboAddress } from './rpc.ts'

/** Store blocks with sha2-256 as they are. Nothing holds them against garbage collection yet. */
export async function putBlocks(
  kubo: KuboAddress,
  blocks: readonly Block[],
  signal: AbortSignal,
): Promise<void> {
  for (const codec of new Set(blocks.map(({ cid }) => cid.code))) {
    const alike = blocks.filter(({ cid }) => cid.code === codec)
    await putAlike(kubo, codecName(codec), alike, signal)
  }
}

async function putAlike(
  kubo: KuboAddress,
  codec: string,
  blocks: readonly Block[],
  signal: AbortSignal,
): Promise<void> {
  const body = multipartBody(blocks.map(({ bytes }) => ({ size: bytes.length, content: [bytes] })))
  const parameters = { 'cid-codec': codec, mhtype: 'sha2-256', mhlen: '-1', pin: 'false' }
  const stored: unknown[] = []
  for await (const answer of runCommand(kubo, { name: 'block/put', parameters, body, signal })) {
    stored.push(answer['Key'])
  }
  // Of a CIDv0 Kubo tells the CIDv1; it is the same block.
  const expected = blocks.map(({ cid }) => cid.toV1().toString())
  const lost = expected.find((cid, at) => stored[at] !== cid)
  if (lost !== undefined) throw new Failure('CONTENT_UNAVAILABLE', `Kubo did not store the block ${lost}`)
}
