import { Failure, messageOf } from '../errors.ts'
import type { Attempt, Attempts, Candidate, Won } from './attempts.ts'
import { closableBody, endBody } from './closable-body.ts'
import type { ByteRange, OpenedFile } from './source.ts'

/** How often one body may go on elsewhere. */
const CONTINUATIONS = 8

/** What to open, and where from. */
export interface Opening<C extends Candidate> {
  readonly attempts: Attempts<C>
  readonly open: (candidate: C, range: ByteRange | undefined, signal: AbortSignal) => Promise<OpenedFile>
  readonly range: ByteRange | undefined
  readonly signal: AbortSignal
  readonly conclude: Attempt<C, OpenedFile>['conclude']
}

/** Open a file at the first of several places that has it. A body that breaks goes on at the next from the same byte. */
export async function openContinued<C extends Candidate>(opening: Opening<C>): Promise<OpenedFile> {
  const { attempts, open, range, signal, conclude } = opening
  const won = await attempts.first({
    signal,
    ask: (candidate, own) => open(candidate, range, own),
    conclude,
  })
  return new ContinuedFile(opening, won)
}

/** An open file that survives the failure of its source. */
class ContinuedFile<C extends Candidate> implements OpenedFile {
  readonly size: number
  readonly cid
  readonly body: AsyncIterable<Uint8Array>
  private current: Won<C, OpenedFile>
  private readonly broken = new Set<C>()
  /** Whose bytes were taken without proof. */
  private readonly believed = new Map<OpenedFile, C>()
  private readonly opening: Opening<C>

  constructor(opening: Opening<C>, won: Won<C, OpenedFile>) {
    this.opening = opening
    this.current = won
    this.believe(won)
    this.size = won.value.size
    this.cid = won.value.cid
    this.body = closableBody(this.read(), () => void endBody(this.current.value.body))
  }

  /** Of bytes from several sources, all have to be proved. */
  get proof(): 'blocks' | 'none' {
    return this.believed.size === 0 ? 'blocks' : 'none'
  }

  get source(): string {
    return this.current.value.source
  }

  discredit(reason: string): void {
    for (const file of this.believed.keys()) file.discredit(reason)
    for (const source of new Set(this.believed.values())) this.opening.attempts.discredit(source, reason)
  }

  private async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    const { range, signal, attempts } = this.opening
    const { events } = attempts
    let position = range?.start ?? 0
    const end = Math.min(range?.end ?? this.size, this.size)
    for (let left = CONTINUATIONS; ; left -= 1) {
      const { candidate, value: file } = this.current
      const before = position
      try {
        for await (const piece of file.body) {
          position += piece.length
          events?.received(candidate.name, piece.length)
          yield piece
        }
        if (position >= end) return
        throw new Failure('CONTENT_UNAVAILABLE', `the answer ended at byte ${position} of ${end}`)
      } catch (error) {
        if (signal.aborted || left === 0 || attempts.settles(error)) throw error
        attempts.note(candidate, error)
        await this.moveOn({ start: position, end }, position > before, error)
        events?.continued(candidate.name, this.current.candidate.name, position, messageOf(error))
      }
    }
  }

  /** Open the rest elsewhere; at the source that broke only when nobody else has it and it got somewhere before. */
  private async moveOn(range: ByteRange, progressed: boolean, reason: unknown): Promise<void> {
    const { attempts, open, signal, conclude } = this.opening
    const broken = this.current.candidate
    // Who breaks off again and again is fast at that: it would win of one that is slow until the file is given up.
    const reserve = this.broken.has(broken) ? broken : undefined
    this.broken.add(broken)
    const won = await attempts.first({
      signal,
      ask: async (candidate, own) => {
        if (candidate === broken && !progressed) throw reason
        const file = await open(candidate, range, own)
        if (file.size === this.size) return file
        await endBody(file.body)
        const why = `it has ${file.size} bytes for a file of ${this.size}`
        if (this.proof === 'blocks') throw new Failure('CONTENT_INVALID', why)
        // Who broke off may have told the wrong size: the next to ask is not to begin there again.
        attempts.discredit(
          broken,
          `it broke off a file of ${this.size} bytes that has ${file.size} elsewhere`,
        )
        throw new Failure('CONTENT_UNAVAILABLE', why)
      },
      conclude,
      last: broken,
      reserve,
    })
    this.believe(won)
    this.current = won
  }

  private believe({ candidate, value }: Won<C, OpenedFile>): void {
    if (value.proof === 'none') this.believed.set(value, candidate)
  }
}
