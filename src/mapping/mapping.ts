/** Which of the two is asked first; `ipfs-only` names are never asked of an upstream. */
export type MappingOrder = 'ipfs-first' | 'upstream-first' | 'ipfs-only'

/** What a mapping says of one name. */
export interface MappedName {
  /** `ipfs/<cid>/<path>` or `ipns/<name>/<path>`, as in a request to this gateway. */
  readonly path: string
  readonly order: MappingOrder
  /** Names or kinds of sources that may be asked for it (`embedded`, `kubo`, `gateway:host`, `dns`); undefined: any. */
  readonly sources: readonly string[] | undefined
  /** The rule's pattern, for messages. */
  readonly rule: string
}

/** Ordinary names that live on IPFS. */
export interface Mapping {
  /**
   * @param name with the name of its registry in front, where it has one: `docker.io/library/alpine`
   * @returns undefined for a name that no rule is about
   * @throws Failure NAME_INVALID when a rule is about it, but makes no path of it
   */
  find(name: string): MappedName | undefined
}
