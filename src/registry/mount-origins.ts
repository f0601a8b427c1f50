import type { Digest } from '../reference/digest.ts'
import type { Asked } from '../repository/repositories.ts'
import type { WritableRepository } from '../repository/writable-repository.ts'
import type { Principal } from './access.ts'
import type { PushOptions } from './push.ts'

export interface MountOrigin {
  readonly name: string
  readonly repository: WritableRepository
}

/** Where blobs may be mounted from: repositories that the client may pull. */
export class MountOrigins {
  private readonly push: PushOptions
  private readonly asked: Asked
  private readonly principal: Principal | undefined

  /** @param principal undefined where everybody may do everything */
  constructor(push: PushOptions, asked: Asked, principal: Principal | undefined) {
    this.push = push
    this.asked = asked
    this.principal = principal
  }

  /**
   * The repositories that a blob may be mounted from.
   *
   * @param from as the client says; undefined where it does not
   * @throws Failure NAME_INVALID, DENIED, ROOT_UNREADABLE for the name that the client says
   */
  async of(digest: Digest, from: string | undefined, signal: AbortSignal): Promise<readonly MountOrigin[]> {
    const { push, asked, principal } = this
    const names = from === undefined ? ((await push.holders?.(digest, signal)) ?? []) : [from]
    const { namespace } = asked
    const allowed = names.filter((name) => principal?.may('pull', { name, namespace }) ?? true)
    const found = allowed.map(async (name) => {
      const repository = await push.find(name, asked, 'pull', signal)
      return repository === undefined ? [] : [{ name, repository }]
    })
    return (await Promise.all(found)).flat()
  }
}
