/** What one look at a mapping has found. */
export interface MappingLook {
  /** Undefined: nothing new. */
  readonly text: string | undefined
  /** ms until the next look; undefined: it never changes. */
  readonly again: number | undefined
}

/** Where a mapping is read from, and when it is looked at again. Calls do not overlap. */
export interface MappingLoader {
  /** Path of the mapping, for messages. */
  readonly where: string
  /** Whether a gateway refuses to start without it. */
  readonly required: boolean
  /** ms until the next look after one that has failed. */
  readonly retryAfter: number
  /**
   * The first look gives the text, later ones give it when it has changed; a text is given once, whether it is a
   * mapping or not.
   *
   * @throws Failure SETTINGS_INVALID when what is there can't be a mapping, and any other when it can't be had
   */
  load(signal: AbortSignal): Promise<MappingLook>
}
