/** What is to be published: a file or folder of this machine, or an archive as a stream (`publish -`). */
export type PublishInput =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'stream'; readonly stream: AsyncIterable<Uint8Array> }

export interface PublishRequest {
  readonly input: PublishInput
  /** Folder under the root that the layout is put in; needed for an archive, optional for a layout folder. */
  readonly name?: string
  /** Tag for an archive's only image when the archive names none. */
  readonly tag?: string
  readonly signal: AbortSignal
  readonly onProgress?: (progress: PublishProgress) => void
}

export interface PublishProgress {
  /** `reading` an archive, `checking` digests, `storing`, `pinning`. */
  readonly step: 'reading' | 'checking' | 'storing' | 'pinning'
  readonly doneBytes: number
  /** Undefined while unknown, as for a stream. */
  readonly totalBytes: number | undefined
}

export interface PublishedLayout {
  /** Path under the root, '' for a layout that is the root itself. */
  readonly path: string
  readonly tags: readonly string[]
}

export interface PublishResult {
  /** CIDv1 in base32. */
  readonly root: string
  /** `embedded` or `kubo`. */
  readonly target: string
  readonly layouts: readonly PublishedLayout[]
  /** Bytes of all files. */
  readonly bytes: number
}

/**
 * Publishes image layouts.
 *
 * @throws Failure LAYOUT_INVALID naming the bad file, before anything is written
 */
export interface Publisher {
  publish(request: PublishRequest): Promise<PublishResult>
}
