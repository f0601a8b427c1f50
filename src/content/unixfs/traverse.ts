import type { CID } from 'multiformats/cid'
import { Failure } from '../../errors.ts'
import type { BlockReader } from './blocks.ts'

/** Levels of a DAG that are followed; a terabyte in leaves of 256 KiB has five. */
const MAX_DEPTH = 48

/** Parts of a DAG that wait for their turn, over all levels; a node of 2 MiB has some 50 000. */
const MAX_WAITING = 100_000

/** Parts that are looked through for something to fetch ahead. */
const LOOK_AHEAD = 1024

/** A part of a DAG that is still to be read, with what its parent says of it. */
export interface Pending<Expectation> {
  readonly cid: CID
  readonly expected: Expectation
}

/** What a block turns out to be: values to hand on and parts to read, in the order of the content. */
export type Step<Expectation, Value> =
  | { readonly value: Value; readonly pending?: undefined }
  | { readonly pending: Pending<Expectation>; readonly value?: undefined }

interface Waiting<Expectation, Value> {
  readonly step: Step<Expectation, Value>
  readonly depth: number
  block?: Promise<Uint8Array>
}

/**
 * Read a DAG depth first, as one stream of values. The walk needs no recursion, keeps `readAhead` blocks in flight
 * at most, asks for them in the order of the content, and stops asking when the consumer stops.
 *
 * @param first what the root block turned out to be
 * @param read what a verified block turns out to be
 * @throws Failure CONTENT_TOO_LARGE when the DAG is absurd, and what `read` and the reader throw
 */
export async function* traverse<Expectation, Value>(
  blocks: BlockReader,
  first: Iterable<Step<Expectation, Value>>,
  read: (part: Pending<Expectation>, bytes: Uint8Array) => Iterable<Step<Expectation, Value>>,
  options: { signal: AbortSignal; readAhead: number },
): AsyncGenerator<Value, void, undefined> {
  const { signal, readAhead } = options
  const stopping = readAhead > 1 ? new AbortController() : undefined
  const fetchSignal = stopping === undefined ? signal : AbortSignal.any([signal, stopping.signal])
  /** Next on top. */
  const stack: Waiting<Expectation, Value>[] = []
  let inFlight = 0

  const fetchAhead = (): void => {
    const lowest = Math.max(0, stack.length - LOOK_AHEAD)
    for (let index = stack.length - 1; index >= lowest && inFlight < readAhead; index--) {
      const waiting = stack[index]
      if (waiting?.step.pending === undefined || waiting.block !== undefined) continue
      inFlight++
      waiting.block = blocks.get(waiting.step.pending.cid, { signal: fetchSignal })
      // Who waits for it later hears of a failure; until then it must not count as unhandled.
      waiting.block.catch(() => undefined)
    }
  }

  try {
    push(stack, 0, first)
    for (;;) {
      const top = stack[stack.length - 1]
      if (top === undefined) return
      if (top.step.pending === undefined) {
        stack.pop()
        yield top.step.value
        continue
      }
      signal.throwIfAborted()
      fetchAhead()
      const bytes = await top.block
      stack.pop()
      inFlight--
      if (bytes === undefined) continue
      push(stack, top.depth, read(top.step.pending, bytes))
    }
  } finally {
    stopping?.abort()
  }
}

function push<Expectation, Value>(
  stack: Waiting<Expectation, Value>[],
  depth: number,
  steps: Iterable<Step<Expectation, Value>>,
): void {
  const found: Waiting<Expectation, Value>[] = []
  for (const step of steps) found.push({ step, depth: depth + 1 })
  if (found.length === 0) return
  if (depth >= MAX_DEPTH || stack.length + found.length > MAX_WAITING) {
    throw new Failure('CONTENT_TOO_LARGE', 'a file or directory is made of absurdly many or deep parts')
  }
  for (const waiting of found.reverse()) stack.push(waiting)
}
