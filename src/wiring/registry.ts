import type { Config } from '../config/config.ts'
import type { Access } from '../registry/access.ts'
import type { RegistryOptions } from '../registry/endpoints.ts'
import type { OnRepositoryEvent } from '../registry/repository-event.ts'
import type { Backend } from './repositories.ts'

/**
 * The registry protocol over what is behind it.
 *
 * @param gateway what this one calls itself in `Via`
 * @param access undefined where everybody may do everything
 */
export function registryOptions(
  config: Config,
  backend: Backend,
  gateway: string,
  access: Access | undefined,
  onEvent: OnRepositoryEvent,
): RegistryOptions {
  const { repositories, roots } = backend
  const options: RegistryOptions = {
    find: (name, asked) => repositories.find(name, asked),
    mirrorTimeout: Math.min(config.mirrorTimeout, config.answerTimeout),
    gateway,
    access,
  }
  if (roots === undefined) return options
  return {
    ...options,
    catalog: (signal) => roots.catalog(signal),
    push: {
      find: (name, asked, action, signal) =>
        repositories.findWritable(name, asked, { pushes: action === 'push', signal }),
      holders: (digest) => roots.holders(digest),
      deletes: config.delete,
      maxManifestSize: config.maxManifestSize,
      hosts: config.pushHost,
      onEvent,
    },
  }
}
