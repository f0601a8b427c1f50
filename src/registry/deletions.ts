import { parseDigest } from '../reference/digest.ts'
import { sendEmpty } from './empty-answer.ts'
import type { PushRequest } from './push.ts'
import type { Reference } from './route.ts'

/** end-9: a tag only, or a manifest with all its tags. */
export async function deleteManifest(push: PushRequest, reference: Reference): Promise<void> {
  const { name, repository, exchange } = push
  if (reference.kind === 'tag') {
    await repository.deleteTag(reference.tag, exchange.signal)
    push.changed({ kind: 'tag-deleted', name, tag: reference.tag })
  } else {
    const tags = await repository.deleteManifest(reference.digest, exchange.signal)
    push.changed({ kind: 'manifest-deleted', name, digest: reference.digest })
    for (const tag of tags) push.changed({ kind: 'tag-deleted', name, tag })
  }
  sendEmpty(push, 202)
}

/** end-10 */
export async function deleteBlob(push: PushRequest, digestText: string): Promise<void> {
  const digest = parseDigest(digestText)
  await push.repository.deleteBlob(digest, push.exchange.signal)
  push.changed({ kind: 'blob-deleted', name: push.name, digest })
  sendEmpty(push, 202)
}
