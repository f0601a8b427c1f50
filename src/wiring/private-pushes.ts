import type { Config } from '../config/config.ts'
import { Failure } from '../errors.ts'
import type { Access } from '../registry/access.ts'
import { pushTarget } from './root-stores.ts'

type Settings = Pick<Config, 'push' | 'pushTo' | 'sources' | 'ipfsGateway' | 'publishNames'>

/**
 * What shows everybody what is pushed, whoever may pull it from the registry; undefined where nothing does. A Kubo
 * provides and serves each block that it has, and so does this gateway with those of the embedded store.
 */
function shownBy(config: Settings): string | undefined {
  if (pushTarget(config) === 'kubo')
    return 'a Kubo gives its blocks to everybody; push to the embedded store instead'
  if (config.ipfsGateway !== 'off') return 'the store gives its blocks at /ipfs; add --ipfs-gateway off'
  return config.publishNames ? 'its names are published; add --no-publish-names' : undefined
}

/**
 * Nothing that not everybody may pull is kept where everybody can have it.
 *
 * @param patterns of repositories that may be pushed to, but not be pulled by everybody
 * @throws Failure SETTINGS_INVALID
 */
export function checkPrivatePushes(config: Settings, patterns: readonly string[]): void {
  const shown = shownBy(config)
  if (!config.push || patterns.length === 0 || shown === undefined) return
  throw new Failure(
    'SETTINGS_INVALID',
    `push: by the rules not everybody may pull ${patterns.join(', ')}, but ${shown}. ` +
      'Or let everybody pull it: --auth-rules public, or a rule for anonymous',
  )
}

/**
 * The same for a name, since rules may change while the gateway runs.
 *
 * @throws Failure DENIED
 */
export function checkPrivatePush(config: Settings, access: Access | undefined, name: string): void {
  if (access?.isPrivate({ name, namespace: undefined }) !== true) return
  const shown = shownBy(config)
  if (shown === undefined) return
  throw new Failure('DENIED', `not everybody may pull "${name}", so it is not pushed to: ${shown}`)
}
