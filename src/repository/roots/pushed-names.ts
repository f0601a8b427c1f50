import { Failure } from '../../errors.ts'
import type { MutableName } from '../../reference/name.ts'
import type { Repository } from '../repository.ts'
import { LocalFirstRepository } from './local-first-repository.ts'
import type { RootRepository } from './root-repository.ts'

/** The roots that images are pushed to. */
export interface PushedNames {
  /** Repositories of the home root, which is public. */
  readonly home: (repository: string) => RootRepository
  /** Of the root that nobody is shown but who may pull from it; undefined where there is none. */
  readonly privately: ((repository: string) => RootRepository) | undefined
  /** Of the root that is published by this name; undefined where that is not one of ours. */
  readonly named: (name: MutableName, repository: string) => RootRepository | undefined
  /** Whether a name is one that not everybody may pull, by the rules now in force. */
  readonly isPrivate: (name: string) => boolean
}

/** What a repository is looked for. */
export interface WritePurpose {
  /** Whether something is to be put into it; not where something is deleted, or mounted from it. */
  readonly pushes: boolean
  readonly signal: AbortSignal
}

/** What an ordinary name is that one of our roots may have. */
export function ownFirst(pushed: PushedNames, name: string, elsewhere: () => Repository): Repository {
  const inHome = new LocalFirstRepository(pushed.home(name), elsewhere)
  return pushed.privately === undefined
    ? inHome
    : new LocalFirstRepository(pushed.privately(name), () => inHome, true)
}

/**
 * The repository of an ordinary name that a request writes to, or mounts from: the one that {@link ownFirst} reads, or
 * where there is none yet, where the rules say.
 *
 * @throws Failure DENIED for a push that would put what is private where everybody sees it, or the other way round
 */
export async function ownPlace(
  { home, privately, isPrivate }: PushedNames,
  name: string,
  { pushes, signal }: WritePurpose,
): Promise<RootRepository> {
  const toBePrivate = isPrivate(name)
  const inHome = home(name)
  if (privately === undefined) {
    if (pushes && toBePrivate) {
      throw new Failure(
        'DENIED',
        `not everybody may pull "${name}", so it is not pushed to a Kubo, which gives its blocks to everybody`,
      )
    }
    return inHome
  }
  const inPrivate = privately(name)
  const place = toBePrivate ? inPrivate : inHome
  const found = (await inPrivate.exists(signal)) ? inPrivate : (await inHome.exists(signal)) ? inHome : place
  if (!pushes || found === place) return found
  const [was, is] = toBePrivate ? ['public', 'private'] : ['private', 'public']
  throw new Failure(
    'DENIED',
    `"${name}" was ${was} when it was first pushed to, and stays so; by the rules it is ${is} now. Push it under another name`,
  )
}

/** As {@link ownPlace}, for a name of a root on IPFS. @throws Failure DENIED */
export function namedPlace(
  { named, isPrivate }: PushedNames,
  asked: { readonly name: string; readonly root: MutableName; readonly repository: string },
  { pushes }: WritePurpose,
): RootRepository | undefined {
  const place = named(asked.root, asked.repository)
  if (place === undefined || !pushes || !isPrivate(asked.name)) return place
  throw new Failure(
    'DENIED',
    `not everybody may pull "${asked.name}", but everybody can have what is published by a name`,
  )
}
