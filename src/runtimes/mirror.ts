/** What a container runtime has to know of a gateway that is to be its mirror. */
export interface Mirror {
  /** Origin under which the runtime reaches the gateway: `http://127.0.0.1:5000`. */
  readonly gateway: string
  /** Whether that is an address which only the machine itself reaches. */
  readonly isLocal: boolean
  readonly registries: readonly MirroredRegistry[]
}

export interface MirroredRegistry {
  /** As images name it: `docker.io`, `registry.example:5000`. */
  readonly name: string
  /** What the gateway calls it in front of a repository's name; undefined where no name of it can stand there. */
  readonly prefix: string | undefined
  /** Origin of a listener that is the mirror of nothing else; undefined where there is none. */
  readonly listener: string | undefined
  /** Whether the gateway takes names without a registry for its images. */
  readonly isDefault: boolean
}

/** Host and port of an origin. */
export function hostOf(origin: string): string {
  return origin.replace(/^https?:\/\//, '')
}

export function isPlain(origin: string): boolean {
  return origin.startsWith('http://')
}
