import { CID } from 'multiformats/cid'
import * as Hash from 'multiformats/hashes/digest'
import { isFailure } from '../../errors.ts'
import { runCommand } from '../../publish/kubo/rpc.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import { one } from './mfs.ts'
import { COLLECTION_PATIENCE } from './uncollected.ts'

/** What pins that hold an upload are called. */
export const PIN_PREFIX = 'ipfs-registry-upload-'

/** An identity CID that nobody pins. */
export const NOTHING = CID.createV1(
  0x55,
  Hash.create(0x00, Buffer.from('ipfs-registry: removing this pin shows that no garbage is being collected')),
)

/** Remove a recursive pin, if it is there. Waits for a garbage collection that is under way, or about to begin. */
export async function unpin(kubo: KuboAddress, cid: CID, signal: AbortSignal): Promise<void> {
  try {
    await one(kubo, 'pin/rm', { arg: cid.toString(), recursive: 'true' }, signal, COLLECTION_PATIENCE)
  } catch (error) {
    if (!isFailure(error) || !/not pinned/i.test(error.message)) throw error
  }
}

/** Recursive pins whose name begins with {@link PIN_PREFIX}. */
export async function uploadPins(
  kubo: KuboAddress,
  signal: AbortSignal,
): Promise<{ cid: CID; name: string }[]> {
  const parameters = { type: 'recursive', names: 'true', name: PIN_PREFIX, stream: 'true' }
  const pins: { cid: CID; name: string }[] = []
  for await (const { Cid, Name } of runCommand(kubo, { name: 'pin/ls', parameters, signal })) {
    if (typeof Cid === 'string' && typeof Name === 'string' && Name.startsWith(PIN_PREFIX)) {
      pins.push({ cid: CID.parse(Cid), name: Name })
    }
  }
  return pins
}
