import { messageOf } from '../errors.ts'
import { parseCid, CODEC } from '../reference/cid.ts'
import { parseRepositoryName } from '../reference/name.ts'
import { booleanOption, splitAtEquals, textOption, type Options } from './options.ts'
import { parseRepositoryGlob } from './repository-glob.ts'
import { closest, didYouMean } from './suggestion.ts'
import { ValueMistake } from './value-mistake.ts'

/** Someone else's registry, whose repositories are served by their names there. */
export interface ReadOnlyRootSetting {
  /** `/ipfs/<cid>` or `/ipns/<key or domain>`, with or without a path behind it; CIDs and keys as requests have them. */
  readonly root: string
  /** Whether it is kept here as well. */
  readonly follow: boolean
  /** Globs over the repositories that are kept; none: all of them. */
  readonly only: readonly string[]
}

const OPTIONS = ['root', 'follow', 'only'] as const

/**
 * `/ipns/<key or domain>`, `/ipfs/<cid>`, or a bare key, domain or CID, with `;follow=true` and any number of `;only=GLOB`
 * behind it.
 *
 * @throws ValueMistake
 */
export function parseReadOnlyRoot(text: string): ReadOnlyRootSetting {
  const [root = '', ...extras] = text.split(';')
  const options = new Map<string, unknown>([['root', root.trim()]])
  const only: string[] = []
  for (const extra of extras.filter((part) => part.trim() !== '')) {
    const [key, value] = splitAtEquals(extra.trim())
    if (value === undefined) throw new ValueMistake(`has the option "${key}" without a value`)
    if (key === 'only') only.push(value)
    else options.set(key, value)
  }
  return settingOf(only.length === 0 ? options : options.set('only', only))
}

/** A YAML object: `{ root, follow, only }`. @throws ValueMistake */
export function parseReadOnlyRootObject(object: Readonly<Record<string, unknown>>): ReadOnlyRootSetting {
  return settingOf(new Map(Object.entries(object)))
}

/** What {@link parseReadOnlyRoot} takes. */
export function formatReadOnlyRoot({ root, follow, only }: ReadOnlyRootSetting): string {
  return [root, ...(follow ? ['follow=true'] : []), ...only.map((glob) => `only=${glob}`)].join(';')
}

function settingOf(options: Options): ReadOnlyRootSetting {
  for (const key of options.keys()) {
    if ((OPTIONS as readonly string[]).includes(key)) continue
    throw new ValueMistake(`has the unknown option "${key}"${didYouMean(closest(key, OPTIONS))}`)
  }
  const root = textOption(options, 'root')
  if (root === undefined) throw new ValueMistake('needs a "root"')
  const follow = booleanOption(options, 'follow', false)
  const only = globsIn(options)
  if (only.length > 0 && !follow) {
    throw new ValueMistake('says with "only" what is kept of it, but nothing is without follow=true')
  }
  return { root: pathOf(root), follow, only }
}

function globsIn(options: Options): readonly string[] {
  const given = options.get('only') ?? []
  const globs: readonly unknown[] = Array.isArray(given) ? given : [given]
  return globs.map((glob) => {
    if (typeof glob !== 'string' || glob === '') throw new ValueMistake('has a malformed "only"')
    return parseRepositoryGlob(glob)
  })
}

/** In one spelling, whichever it was written in. */
function pathOf(text: string): string {
  const name = text.replace(/^\/|\/+$/g, '')
  try {
    const parsed = parseRepositoryName(/^ip[fn]s\//.test(name) ? name : `${spaceOf(name)}/${name}`)
    if (parsed.kind === 'ipfs') return ['/ipfs', parsed.root.toString(), ...parsed.segments].join('/')
    if (parsed.kind === 'ipns') return ['/ipns', parsed.mutable.text, ...parsed.segments].join('/')
  } catch (error) {
    throw new ValueMistake(`can't be followed: ${messageOf(error)}`)
  }
  throw new ValueMistake('must be /ipns/<key or domain>, /ipfs/<cid>, or the key, domain or CID by itself')
}

function spaceOf(name: string): 'ipfs' | 'ipns' {
  const cid = parseCid(name.split('/', 1)[0] ?? '')
  return cid === undefined || cid.code === CODEC.libp2pKey ? 'ipns' : 'ipfs'
}
