import { formatContentPath, type ContentPath } from '../content/source.ts'
import type { FollowedChain } from './follow-chain.ts'
import type { NewestRecord, NewestRecords } from './newest-records.ts'
import type { ResolvedName } from './resolver.ts'
import type { SavedName } from './roots-memory.ts'
import type { NamingSettings } from './settings.ts'
import { parseSavedPath } from './target.ts'

/** What is known of a name that was resolved at least once. Times in ms since the epoch. */
export interface KnownRoot {
  readonly path: ContentPath
  readonly confirmedAt: number
  readonly freshUntil: number
  /** Newest first, without `path`. */
  readonly previous: readonly ContentPath[]
  /** IPNS keys on the way to the path. */
  readonly keys: readonly string[]
  /** Set when the name was said to exist no longer: its root is not served beyond the TTL. */
  readonly gone: boolean
}

/** The new state of a name after a look-up: the TTL within its bounds, never beyond the validity of a record. */
export function confirmed(
  before: KnownRoot | undefined,
  chain: FollowedChain,
  now: number,
  settings: NamingSettings,
): KnownRoot {
  const ttl = Math.min(Math.max(chain.ttl, settings.ttlFloor), settings.ttlCeiling)
  const current = formatContentPath(chain.path)
  const earlier = before === undefined ? [] : [before.path, ...before.previous]
  const previous = earlier.filter((path) => formatContentPath(path) !== current)
  return {
    path: chain.path,
    confirmedAt: now,
    freshUntil: Math.min(now + ttl, chain.validUntil ?? Infinity),
    previous: previous.slice(0, settings.previousRoots),
    keys: chain.keys,
    gone: false,
  }
}

export function isFresh(known: KnownRoot, now: number): boolean {
  // What was confirmed in a time to come was so by a clock that has been set back.
  return known.confirmedAt <= now && now < known.freshUntil
}

/** Whether the root may be served though it could not be refreshed. */
export function isServable(known: KnownRoot, now: number, staleFor: number): boolean {
  return isFresh(known, now) || (!known.gone && now < known.freshUntil + staleFor)
}

/** Whether a fresh root is old enough to be refreshed before anyone has to wait for it: in its last fifth. */
export function isAgeing(known: KnownRoot, now: number): boolean {
  return now >= known.freshUntil - (known.freshUntil - known.confirmedAt) / 5
}

export function toResolved(known: KnownRoot, now: number): ResolvedName {
  const left = isFresh(known, now) ? known.freshUntil - now : 0
  return {
    path: known.path,
    maxAge: Math.floor(left / 1000),
    staleSince: left > 0 ? undefined : known.confirmedAt,
    previous: known.previous,
  }
}

export function toSaved(name: string, known: KnownRoot, records: NewestRecords): SavedName {
  return {
    name,
    path: formatContentPath(known.path),
    confirmedAt: known.confirmedAt,
    freshUntil: known.freshUntil,
    previous: known.previous.map(formatContentPath),
    records: known.keys.flatMap((key) => {
      const record = records.get(key)
      return record === undefined ? [] : [{ key, ...record, sequence: record.sequence.toString() }]
    }),
  }
}

/** What was saved, or undefined when it makes no sense. A clock that was set back does not keep a root for longer. */
export function fromSaved(saved: SavedName, now: number, settings: NamingSettings): KnownRoot | undefined {
  const path = parseSavedPath(saved.path)
  if (path === undefined || !Number.isFinite(saved.confirmedAt) || !Number.isFinite(saved.freshUntil)) {
    return undefined
  }
  return {
    path,
    confirmedAt: Math.min(saved.confirmedAt, now),
    freshUntil: Math.min(saved.freshUntil, now + settings.ttlCeiling),
    previous: saved.previous.flatMap((text) => parseSavedPath(text) ?? []).slice(0, settings.previousRoots),
    keys: saved.records.map((record) => record.key),
    gone: false,
  }
}

/** The IPNS records of a saved name that make sense. */
export function* recordsOf(saved: SavedName): Generator<readonly [key: string, record: NewestRecord]> {
  for (const { key, value, sequence, validUntil } of saved.records) {
    if (/^\d{1,20}$/.test(sequence) && Number.isFinite(validUntil)) {
      yield [key, { value, sequence: BigInt(sequence), validUntil }]
    }
  }
}
