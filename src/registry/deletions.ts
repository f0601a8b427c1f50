import { parseDigest } from '../reference/digest.ts'
import { sendEmpty } from './empty-answer.ts'
import type { PushRequest } from './push.ts'
import type { Reference } from './route.ts'

/** end-9: a tag only, or a manifest with all its tags. */
export async function deleteManifest(push: PushRequest, reference: Reference): Promise<void> {
  const { repository, exchange } = push
  if (reference.kind === 'tag') await repository.deleteTag(reference.tag, exchange.signal)
  else await repository.deleteManifest(reference.digest, exchange.signal)
  sendEmpty(push, 202)
}

/** end-10 */
export async function deleteBlob(push: PushRequest, digestText: string): Promise<void> {
  const digest = parseDigest(digestText)
  await push.repository.deleteBlob(digest, push.exchange.signal)
  sendEmpty(push, 202)
}
