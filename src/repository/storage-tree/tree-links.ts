import { formatContentPath, type ContentPath, type ContentSource, type Proof } from '../../content/source.ts'
import { Failure, isFailure } from '../../errors.ts'
import { isDigest, type Digest } from '../../reference/digest.ts'
import { readSmall } from '../ipfs/read-small.ts'
import { PathFacts, type Fact } from '../path-facts.ts'

export interface Link {
  readonly digest: Digest
  readonly proof: Proof
}

/** Bytes; a digest has 135 at most. */
const LONGEST = 1024

/** The links of storage trees. */
export class TreeLinks {
  private readonly known: PathFacts<Link | undefined>
  private readonly content: ContentSource

  constructor(content: ContentSource, lingerMs: number) {
    this.content = content
    this.known = new PathFacts(100_000, lingerMs)
  }

  /**
   * @returns undefined where there is no link
   * @throws Failure CONTENT_INVALID for one that holds no digest; what the source throws
   */
  read(path: ContentPath, signal: AbortSignal): Promise<Link | undefined> {
    return this.known.get(formatContentPath(path), signal, (own) => this.fetch(path, own))
  }

  private async fetch(path: ContentPath, signal: AbortSignal): Promise<Fact<Link | undefined>> {
    try {
      const { bytes, proof } = await readSmall(this.content, path, { limit: LONGEST, signal })
      const digest = Buffer.from(bytes).toString('latin1').trim()
      if (isDigest(digest)) return { value: { digest, proof }, lasting: proof === 'blocks' }
    } catch (error) {
      if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
      return { value: undefined, lasting: this.content.proof === 'blocks' }
    }
    throw new Failure('CONTENT_INVALID', `${formatContentPath(path)} holds no digest`)
  }
}
