import { Failure, messageOf } from '../errors.ts'
import type { RootPublishingStatus, RootStatus } from '../observability/status.ts'
import type { RootNameState } from '../roots/names/root-name-state.ts'
import type { RootVersion, RootVersions } from '../roots/root-store.ts'
import { PRIVATE } from './private-root.ts'
import type { BuiltRoots } from './roots.ts'
import { isoOf, secondsBetween } from './status-times.ts'

/** ms that a Kubo has to say what a root is. */
const WITHIN = 1_000

type Head = { readonly version: RootVersion | undefined } | { readonly error: string }

/** The roots that are pushed to, the private one without anything that leads to what is in it. Never throws. */
export async function rootsStatus(roots: Pick<BuiltRoots, 'kept' | 'names'>): Promise<RootStatus[]> {
  const { kept, names } = roots
  const { store, privately } = kept
  const signal = AbortSignal.timeout(WITHIN)
  const named = names.keys.roots.map(async (root) => {
    const head = await headOf(store.versions, root, signal)
    const state = names.publisher?.state(root)
    return rootStatus(root, head, state === undefined ? null : publishingStatus(state, Date.now()))
  })
  const hidden =
    privately === undefined ? [] : [headOf(privately.store.versions, PRIVATE, signal).then(privateStatus)]
  return Promise.all([...named, ...hidden])
}

/** Also when a store does not heed its signal. */
async function headOf(
  versions: Pick<RootVersions, 'head'>,
  root: string,
  signal: AbortSignal,
): Promise<Head> {
  const late = new Promise<never>((_, reject) => {
    const give = (): void => reject(new Failure('CONTENT_TIMEOUT', `not read within ${WITHIN / 1000} s`))
    if (signal.aborted) give()
    else signal.addEventListener('abort', give, { once: true })
  })
  late.catch(() => undefined)
  try {
    return { version: await Promise.race([versions.head(root, signal), late]) }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

function rootStatus(name: string, head: Head, publishing: RootPublishingStatus | null): RootStatus {
  const version = 'version' in head ? head.version : undefined
  const at = version?.at
  return {
    name,
    private: false,
    version: version?.number ?? null,
    cid: version?.cid.toString() ?? null,
    changed: isoOf(at),
    age_seconds: at === undefined ? null : secondsBetween(at, Date.now()),
    error: 'error' in head ? head.error : null,
    publishing,
  }
}

function privateStatus(head: Head): RootStatus {
  const status = rootStatus(PRIVATE, head, null)
  const error = status.error === null ? null : 'it could not be read'
  return { ...status, private: true, cid: null, error }
}

function publishingStatus(state: RootNameState, now: number): RootPublishingStatus {
  const { key, published, at, behindSince, error } = state
  return {
    ipns_name: key === undefined ? null : `/ipns/${key}`,
    published: published ?? null,
    seen: isoOf(at),
    behind_since: isoOf(behindSince),
    behind_seconds: behindSince === undefined ? 0 : secondsBetween(behindSince, now),
    error: error ?? null,
  }
}
