import { readFile, stat } from 'node:fs/promises'
import { Failure, isFailure, messageOf } from '../errors.ts'
import { watchFiles } from '../http/watched-files.ts'

/** Bytes. */
const LARGEST = 4 * 2 ** 20

export interface LiveFileOptions<T> {
  readonly path: string
  /** What it is, for messages: `the password file`. */
  readonly what: string
  /** @throws Failure SETTINGS_INVALID for what can't be used */
  readonly parse: (text: string, path: string) => T | Promise<T>
  readonly log: (level: 'info' | 'error', message: string) => void
  /** ms between looks at the file; 2 s by default. */
  readonly interval?: number | undefined
}

/** What a file says, read again when it changes. One that becomes unusable changes nothing, but is logged. */
export class LiveFile<T> {
  readonly #options: LiveFileOptions<T>
  #value: T
  #reading = Promise.resolve()
  #end: () => void = () => undefined

  private constructor(options: LiveFileOptions<T>, value: T) {
    this.#options = options
    this.#value = value
  }

  /** @throws Failure SETTINGS_INVALID when the file can't be read or used */
  static async open<T>(options: LiveFileOptions<T>): Promise<LiveFile<T>> {
    let changed = (): void => undefined
    // Watched first: what changes from here on is seen, or read already.
    const end = watchFiles([options.path], () => changed(), options.interval)
    try {
      const file = new LiveFile(options, await read(options))
      file.#end = end
      changed = () => void file.#reload()
      return file
    } catch (error) {
      end()
      throw error
    }
  }

  get value(): T {
    return this.#value
  }

  close(): void {
    this.#end()
  }

  /** One after the other, so that the newest is the last. */
  #reload(): Promise<void> {
    const { what, path, log } = this.#options
    this.#reading = this.#reading.then(async () => {
      try {
        this.#value = await read(this.#options)
        log('info', `${what} ${path} was read again`)
      } catch (error) {
        log('error', `${messageOf(error)}\nthe one before it stays in force`)
      }
    })
    return this.#reading
  }
}

async function read<T>({ path, what, parse }: LiveFileOptions<T>): Promise<T> {
  try {
    const { size } = await stat(path)
    if (size > LARGEST) throw new Error(`it has ${size} bytes; ${LARGEST} are allowed`)
    return await parse(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (isFailure(error)) throw error
    throw new Failure('SETTINGS_INVALID', `${what} ${path} could not be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
