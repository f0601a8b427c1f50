import type { Config } from '../config/config.ts'
import { Failure } from '../errors.ts'
import { pushTarget } from './root-stores.ts'

/**
 * Nothing that not everybody may pull is pushed to a Kubo, which provides and serves each block that it has.
 *
 * @param patterns of repositories that may be pushed to, but not be pulled by everybody
 * @throws Failure SETTINGS_INVALID
 */
export function checkPrivatePushes(
  config: Pick<Config, 'push' | 'pushTo' | 'sources'>,
  patterns: readonly string[],
): void {
  if (!config.push || patterns.length === 0 || pushTarget(config) !== 'kubo') return
  throw new Failure(
    'SETTINGS_INVALID',
    `push: by the rules not everybody may pull ${patterns.join(', ')}, but a Kubo gives its blocks to everybody. ` +
      'Push to the embedded store instead (--push-to embedded), or let everybody pull it: --auth-rules public, or a rule for anonymous',
  )
}
