import { randomUUID } from 'node:crypto'
import type { RepositoryEvent } from '../registry/repository-event.ts'
import type { EventRecord, EventTarget, RequestRecord, SourceRecord } from './envelope.ts'

/**
 * What a receiver may want to hear of: every `push` of a manifest, or those under a `tag`; each `delete` of a manifest
 * or tag; everything about a `blob`; each new version of a `root`.
 */
export type Interest = 'push' | 'tag' | 'delete' | 'blob' | 'root'

/** An event on its way to whoever has one of these interests. */
export interface Notice {
  readonly interests: readonly Interest[]
  readonly record: EventRecord
}

/** Who asked for a change, and how. */
export interface Cause {
  readonly request: RequestRecord
  /** Undefined for somebody who has not said who they are. */
  readonly user: string | undefined
  /** `https://registry.example.org`, as the client has called this gateway; undefined where that can't be told. */
  readonly origin: string | undefined
}

export interface RootChange {
  readonly root: string
  readonly version: number
  /** Undefined where it is not to be told. */
  readonly cid: string | undefined
}

const NOBODY: Pick<EventRecord, 'request' | 'actor'> = {
  request: { id: '', method: '', useragent: '' },
  actor: {},
}

/** Writes events down as distribution does. */
export class Notices {
  readonly #source: SourceRecord

  constructor(source: SourceRecord) {
    this.#source = source
  }

  ofRepository(event: RepositoryEvent, { request, user, origin }: Cause): Notice {
    const actor = user === undefined ? {} : { name: user }
    const { action, interests } = MEANING[event.kind]
    const asked = event.kind === 'manifest-pushed' && event.tag !== undefined ? ['tag' as const] : []
    return {
      interests: [...interests, ...asked],
      record: this.#record(action, targetOf(event, origin), { request, actor }),
    }
  }

  ofRoot({ root, version, cid }: RootChange): Notice {
    const target = { root, version, ...(cid === undefined ? {} : { cid }) }
    return { interests: ['root'], record: this.#record('root', target, NOBODY) }
  }

  #record(
    action: EventRecord['action'],
    target: EventTarget,
    cause: Pick<EventRecord, 'request' | 'actor'>,
  ): EventRecord {
    const timestamp = new Date().toISOString()
    return { id: randomUUID(), timestamp, action, target, ...cause, source: this.#source }
  }
}

const MEANING: Readonly<
  Record<
    RepositoryEvent['kind'],
    { readonly action: EventRecord['action']; readonly interests: readonly Interest[] }
  >
> = {
  'manifest-pushed': { action: 'push', interests: ['push'] },
  'manifest-deleted': { action: 'delete', interests: ['delete'] },
  'tag-deleted': { action: 'delete', interests: ['delete'] },
  'blob-pushed': { action: 'push', interests: ['blob'] },
  'blob-mounted': { action: 'mount', interests: ['blob'] },
  'blob-deleted': { action: 'delete', interests: ['blob'] },
}

/** Of what is deleted, distribution tells only what it was called. */
function targetOf(event: RepositoryEvent, origin: string | undefined): EventTarget {
  const { name: repository } = event
  switch (event.kind) {
    case 'manifest-deleted':
    case 'blob-deleted':
      return { digest: event.digest, repository }
    case 'tag-deleted':
      return { repository, tag: event.tag }
    case 'manifest-pushed': {
      const { digest, mediaType, size, tag, contentPath } = event
      return {
        ...{ mediaType, size, digest, length: size, repository },
        ...(origin === undefined ? {} : { url: `${origin}/v2/${repository}/manifests/${digest}` }),
        ...(tag === undefined ? {} : { tag }),
        ...(contentPath === undefined ? {} : { ipfsPath: contentPath }),
      }
    }
    case 'blob-pushed':
    case 'blob-mounted': {
      const { digest, size } = event
      return {
        ...{ mediaType: 'application/octet-stream', size, digest, length: size, repository },
        ...(event.kind === 'blob-mounted' ? { fromRepository: event.from } : {}),
        ...(origin === undefined ? {} : { url: `${origin}/v2/${repository}/blobs/${digest}` }),
      }
    }
  }
}
