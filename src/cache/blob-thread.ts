import { Worker } from 'node:worker_threads'
import type { HashedParts } from '../content/part-hashes.ts'
import { Failure, messageOf } from '../errors.ts'
import { CHUNK, ChunkSums } from './chunk-sums.ts'
import type { WriteShared } from './spool.ts'
import { LocalSums, type OpenSums, type StreamSums } from './stream-sums.ts'

/** Bytes of a stream that is worth a thread: below, the answers cost more than the hashing. */
const LARGE = 4 * 1024 * 1024

/** MiB of JavaScript objects in the thread, which holds next to none: the bytes are not among them. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

/** Of one stream's piece, or end. */
interface Answer {
  readonly stream: number
  readonly sums: readonly number[]
  readonly parts?: readonly { readonly hash: string; readonly length: number }[]
  readonly digest?: string
}

/** Of a write, in the order of the questions. */
interface Written {
  readonly written: { readonly failed?: { readonly code: string | undefined; readonly message: string } }
}

/**
 * One thread that hashes and writes large blobs, so that the thread that serves has its hands free. Where it can't start, or
 * has ended of itself, blobs are hashed and written by the thread that asks.
 *
 * Pieces in shared memory are read where they are; others are copied to be hashed, and not written here.
 */
export class BlobThread {
  private worker: Worker | undefined
  private next = 0
  private readonly streams = new Map<number, ThreadSums>()
  private readonly writes: Waiting<Written>[] = []
  /** Those that are not answered yet. */
  private questions = 0
  /** Why what it was at is lost when it ends. */
  private end = 'it has ended'
  private readonly script: URL

  /** `script` is what the thread runs. */
  constructor(script = new URL('./blob-worker.mjs', import.meta.url)) {
    this.script = script
  }

  /** Resolves when the thread runs, or can't. What is opened before is hashed in this one. */
  async start(): Promise<void> {
    const worker = this.create()
    if (worker === undefined) return
    worker.on('message', (answer: Answer | Written) => {
      if ('written' in answer) this.writes.shift()?.resolve(answer)
      else this.streams.get(answer.stream)?.receive(answer)
    })
    await new Promise<void>((resolve) => {
      worker.once('online', () => {
        // The process may end when there is nothing else to do.
        worker.unref()
        this.worker = worker
        resolve()
      })
      worker.on('error', (error) => this.fail(messageOf(error)))
      worker.once('exit', () => {
        this.fail(this.end)
        resolve()
      })
    })
  }

  /** Opens the sums of a stream, here or there. See {@link OpenSums}. */
  readonly open: OpenSums = (algorithm, size, parts) => {
    const { worker } = this
    if (worker === undefined || size < LARGE) return new LocalSums(algorithm, parts)
    const number = this.next++
    const sums = new ThreadSums(
      (request, moved) => worker.postMessage({ stream: number, ...request }, moved),
      (answer) => this.awaited(worker, answer),
      () => this.streams.delete(number),
      parts,
    )
    this.streams.set(number, sums)
    worker.postMessage({ stream: number, open: { algorithm, chunk: CHUNK, part: parts?.size } })
    return sums
  }

  /** Writes for a {@link Spool}. A write of a thread that is no more has ended before it fails. */
  readonly write: WriteShared = (file, piece, position) => {
    const { worker } = this
    if (worker === undefined) return undefined
    const written = new Promise<Written>((resolve, reject) => {
      this.writes.push({ resolve, reject })
      worker.postMessage({ write: { file, position }, piece })
    })
    return this.awaited(worker, written).then(({ written: { failed } }) => {
      if (failed !== undefined) throw Object.assign(new Error(failed.message), { code: failed.code })
    })
  }

  /** End the thread, and what it was at with it. */
  async close(): Promise<void> {
    const { worker } = this
    this.worker = undefined
    this.end = 'the gateway stops'
    await worker?.terminate()
  }

  /** The process must not end as long as it is waited for: a command may have nothing else to do. */
  private async awaited<T>(worker: Worker, answer: Promise<T>): Promise<T> {
    this.questions += 1
    if (this.questions === 1) worker.ref()
    try {
      return await answer
    } finally {
      this.questions -= 1
      if (this.questions === 0) worker.unref()
    }
  }

  private create(): Worker | undefined {
    try {
      // It needs nothing of what this process was started with.
      return new Worker(this.script, { name: 'blobs', env: {}, execArgv: [], resourceLimits: LIMITS })
    } catch {
      return undefined
    }
  }

  private fail(why: string): void {
    this.worker = undefined
    const message = `what arrived can't be verified and kept, as the thread that hashes and writes is gone: ${why}`
    const failure = new Failure('CONTENT_UNAVAILABLE', message)
    for (const sums of this.streams.values()) sums.fail(failure)
    this.streams.clear()
    for (const { reject } of this.writes.splice(0)) reject(failure)
  }
}

type Post = (request: object, moved?: ArrayBuffer[]) => void

interface Waiting<T> {
  readonly resolve: (answer: T) => void
  readonly reject: (reason: Failure) => void
}

class ThreadSums implements StreamSums {
  readonly chunks = new ChunkSums()
  private failure: Failure | undefined
  /** One for each question, which are answered in their order. */
  private readonly waiting: Waiting<Answer>[] = []
  private readonly post: Post
  private readonly awaited: (answer: Promise<Answer>) => Promise<Answer>
  private readonly onEnd: () => void
  private readonly parts: HashedParts | undefined

  constructor(
    post: Post,
    awaited: (answer: Promise<Answer>) => Promise<Answer>,
    onEnd: () => void,
    parts: HashedParts | undefined,
  ) {
    this.post = post
    this.awaited = awaited
    this.onEnd = onEnd
    this.parts = parts
  }

  async update(piece: Uint8Array): Promise<void> {
    if (piece.buffer instanceof SharedArrayBuffer) await this.ask({ piece })
    else {
      const copy = new Uint8Array(piece)
      await this.ask({ piece: copy }, [copy.buffer])
    }
  }

  async digest(): Promise<string> {
    const { digest = '' } = await this.ask({ end: true })
    this.onEnd()
    return digest
  }

  /** What waits in the thread may be overwritten from now on: nobody learns what comes of it. */
  close(): void {
    this.onEnd()
    this.fail(new Failure('CONTENT_UNAVAILABLE', 'the fetch has ended'))
    this.post({ close: true })
  }

  receive(answer: Answer): void {
    this.chunks.add(answer.sums)
    for (const { hash, length } of answer.parts ?? []) this.parts?.onPart(Buffer.from(hash, 'hex'), length)
    this.waiting.shift()?.resolve(answer)
  }

  fail(reason: Failure): void {
    this.failure ??= reason
    for (const { reject } of this.waiting.splice(0)) reject(this.failure)
  }

  private async ask(request: object, moved?: ArrayBuffer[]): Promise<Answer> {
    if (this.failure !== undefined) throw this.failure
    const answer = new Promise<Answer>((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.post(request, moved)
    })
    return this.awaited(answer)
  }
}
