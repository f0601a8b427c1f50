/** What is known of a root. Times in ms since the epoch. */
export interface RootReport {
  readonly root: string
  /** Versions that are kept, newest first: the first is the root as it is now. None before the first push. */
  readonly versions: readonly VersionReport[]
  /** Bytes of the files in the newest version, equal ones once. */
  readonly bytes: number
  /** As {@link bytes}, in all versions that are kept. */
  readonly keptBytes: number
  /** Undefined for a root that the settings do not name. */
  readonly name?: NameReport
  /** Why its versions could not be read. */
  readonly error?: string
}

export interface VersionReport {
  readonly number: number
  readonly cid: string
  /** When it was committed, where that is known. */
  readonly at?: number
}

/** The IPNS name of a root. */
export interface NameReport {
  /** What its key is called where it is kept. */
  readonly keyName: string
  /** The name, base36; undefined while there is no key. */
  readonly key?: string
  /** `/ipfs/<cid>`: what the name was last seen to lead to. */
  readonly published?: string
  /** When it was last seen to lead to the newest version; a running gateway knows. */
  readonly publishedAt?: number
  /** Since when it is not known to lead there; a running gateway knows. */
  readonly behindSince?: number
  /** What went wrong the last time. */
  readonly error?: string
}

/** What garbage collection removed, or would remove. */
export interface Collected {
  readonly dryRun: boolean
  /** Of the embedded store, where there is one. */
  readonly embedded?: {
    readonly blobs: readonly { readonly digest: string; readonly size: number }[]
    /** Bytes of the blobs. */
    readonly blobBytes: number
    /** Folders, manifests and other blocks that are kept by value, and bytes of them. */
    readonly blocks: number
    readonly blockBytes: number
  }
  /** What is not held in Kubo any more, where pushes go to one: paths of its MFS, and CIDs of pins. */
  readonly kubo?: { readonly paths: readonly string[]; readonly pins: readonly string[] }
}

/** What is not kept any more. */
export interface Unpublished {
  readonly cid: string
}

/** A root that is to be started from what is on IPFS. */
export interface RootToImport {
  readonly root: string
  /** `/ipfs/<cid>` or `/ipns/<name>` */
  readonly path: string
}

export interface ImportedRoot {
  readonly root: string
  readonly cid: string
  /** Its number. */
  readonly version: number
  /** Names of what is in it. */
  readonly repositories: readonly string[]
}
