import { Failure, messageOf } from '../errors.ts'
import type { Mapping } from './mapping.ts'
import { parseMapping } from './mapping-file.ts'
import type { MappingLoader } from './mapping-loader.ts'

/** Where the last good text of one mapping outlives this process. */
export interface MappingRecord {
  get(): Promise<string | undefined>
  /** Takes the place of what was there; what goes wrong is for the record to tell. */
  put(text: string): void
}

export interface LiveMappingOptions {
  readonly loader: MappingLoader
  /** As in {@link parseMapping}. */
  readonly sources: readonly string[]
  /** For a mapping that a start is not refused without. */
  readonly record?: MappingRecord | undefined
  /** Called after each change, with the version that is in force from now on. */
  readonly onChange?: (version: number) => void
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
  /** ms until a look is given up; 15 s by default. */
  readonly lookTimeout?: number
}

const LOOK_TIMEOUT = 15_000

/**
 * The mapping in force: read at the start, looked at again when its loader says so. What is broken or gone later on
 * changes nothing, but is logged, once.
 */
export class LiveMapping {
  readonly #options: LiveMappingOptions
  #mapping: Mapping | undefined
  #text: string | undefined
  #version = 0
  #problem: string | undefined
  #look: Promise<Error | undefined> | undefined
  #limit: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: LiveMappingOptions) {
    this.#options = options
  }

  /** Rises with each change, for what was worked out from an earlier one; 0 as long as none is known. */
  get version(): number {
    return this.#version
  }

  /**
   * @throws Failure CONTENT_UNAVAILABLE as long as none could be had: an upstream asked meanwhile might be asked for a
   *   name that the mapping keeps from it
   */
  current(): Mapping {
    if (this.#mapping !== undefined) return this.#mapping
    throw new Failure(
      'CONTENT_UNAVAILABLE',
      `Which names live on IPFS is not known yet: the mapping ${this.#options.loader.where} could not be read so far. ` +
        'Names below ipfs/ and ipns/ work without it.',
    )
  }

  /**
   * The first look. One that fails is fatal for a required mapping; another falls back to the record, or stays unknown
   * until a later look succeeds.
   *
   * @throws Failure SETTINGS_INVALID when a required mapping is missing or broken; the signal's reason
   */
  async start(signal: AbortSignal): Promise<void> {
    const failure = await this.#lookOnce(signal)
    if (failure === undefined) return
    if (signal.aborted || this.#options.loader.required) {
      await this.stop()
      throw failure
    }
    this.#tell(failure)
    await this.#takeRecord()
  }

  /** Look at the mapping now, or join a look under way. Never throws. */
  async check(): Promise<void> {
    if (this.#stopped) return
    const failure = await this.#lookOnce()
    if (failure !== undefined) this.#tell(failure)
  }

  /** Ends a look under way; none begins any more. What is in force stays. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#limit?.abort(new Failure('CONTENT_UNAVAILABLE', 'the gateway stops'))
    await this.#look
  }

  /** @returns what went wrong */
  #lookOnce(signal?: AbortSignal): Promise<Error | undefined> {
    this.#look ??= this.#lookNow(signal).finally(() => {
      this.#look = undefined
    })
    return this.#look
  }

  async #lookNow(signal: AbortSignal | undefined): Promise<Error | undefined> {
    clearTimeout(this.#timer)
    const { loader, lookTimeout = LOOK_TIMEOUT } = this.#options
    const limit = (this.#limit = new AbortController())
    const late = new Failure('CONTENT_TIMEOUT', `the mapping of names ${loader.where} did not come in time`)
    const timer = setTimeout(() => limit.abort(late), lookTimeout)
    let again: number | undefined = loader.retryAfter
    try {
      const look = await loader.load(signal ? AbortSignal.any([signal, limit.signal]) : limit.signal)
      limit.signal.throwIfAborted()
      again = look.again
      if (look.text !== undefined) this.#take(look.text)
      this.#problem = undefined
      return undefined
    } catch (error) {
      return error as Error
    } finally {
      clearTimeout(timer)
      this.#lookAgain(again)
    }
  }

  #lookAgain(again: number | undefined): void {
    if (again === undefined || this.#stopped) return
    this.#timer = setTimeout(() => void this.check(), again)
    this.#timer.unref()
  }

  /** @throws Failure SETTINGS_INVALID */
  #take(text: string): void {
    if (text === this.#text) return
    this.#putInForce(text)
    this.#options.record?.put(text)
  }

  #putInForce(text: string): void {
    const { loader, sources, log, onChange } = this.#options
    const rules = parseMapping(text, { where: loader.where, sources })
    this.#mapping = rules
    this.#text = text
    this.#version += 1
    log('info', `the mapping of names ${loader.where} is in force, rules: ${rules.size}`)
    onChange?.(this.#version)
  }

  async #takeRecord(): Promise<void> {
    const { loader, record, log } = this.#options
    try {
      const text = await record?.get()
      if (text === undefined || this.#mapping !== undefined) return
      log(
        'warn',
        `the mapping of names ${loader.where} is the one of an earlier time, until a newer one can be had`,
      )
      this.#putInForce(text)
    } catch (error) {
      log('error', `the mapping of names of an earlier time is of no use: ${messageOf(error)}`)
    }
  }

  #tell(failure: Error): void {
    const { message } = failure
    if (this.#stopped || message === this.#problem) return
    this.#problem = message
    const consequence = this.#mapping === undefined ? 'none is in force' : 'the one before it stays in force'
    this.#options.log('error', `${message}\n${consequence}`)
  }
}
