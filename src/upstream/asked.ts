import { Failure } from '../errors.ts'

/** What one request to a registry is about. */
export interface Asked {
  readonly kind: 'manifest' | 'blob' | 'tags' | 'referrers'
  /** As the upstream's users write it: `library/alpine`. */
  readonly repository: string
  /** Path of the URL below the registry's own: `/v2/<rewritten repository>/manifests/<reference>`. */
  readonly path: string
  /** Scope of a token for it (distribution, "Token Scope Documentation"). */
  readonly scope: string
  /** For messages: `library/alpine:3.19`. */
  readonly text: string
}

/** Wider than the grammar of the spec, but nothing that a URL would read as something else. */
const NAME = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/

/**
 * @param rest of the path, behind the name: `manifests/latest`
 * @throws Failure NAME_INVALID for a rewritten name that no registry can have
 */
export function askedOf(
  kind: Asked['kind'],
  repository: string,
  options: { rewritten: string; rest: string; text: string },
): Asked {
  const { rewritten, rest, text } = options
  if (!NAME.test(rewritten)) {
    throw new Failure('NAME_INVALID', `"${rewritten.slice(0, 160)}" is no name of a repository`)
  }
  return {
    kind,
    repository,
    path: `/v2/${rewritten}/${rest}`,
    scope: `repository:${rewritten}:pull`,
    text,
  }
}
