import type { ErrorCode } from '../errors.ts'
import type { ExportSummary } from '../export/export.ts'
import type { PublishProgress } from '../publish/publisher.ts'

/**
 * What a gateway says to a command: a line of JSON with one of these. The last is `result` or `failure`; what ends
 * without was cut.
 */
export interface Line {
  readonly progress?: PublishProgress
  /** What comes is an export. */
  readonly summary?: ExportSummary
  /** So many bytes that are no lines follow. */
  readonly bytes?: number
  /** These bytes, in as many pieces as they come in; JSON never has it. */
  readonly piece?: Uint8Array
  readonly result?: unknown
  readonly failure?: { code: ErrorCode; message: string; detail?: unknown }
}

const NEWLINE = 0x0a

/** The lines of an answer, and the bytes between them as they came, so that nothing is copied. */
export async function* readLines(answer: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  /** The beginning of a line whose end has not come yet. */
  let begun: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer) {
    let at = 0
    while (at < chunk.length) {
      if (bytes > 0) {
        const piece = chunk.subarray(at, at + bytes)
        bytes -= piece.length
        at += piece.length
        yield { piece }
        continue
      }
      const end = chunk.indexOf(NEWLINE, at)
      if (end === -1) {
        begun.push(chunk.subarray(at))
        break
      }
      const line = JSON.parse(Buffer.concat([...begun, chunk.subarray(at, end)]).toString()) as Line
      begun = []
      at = end + 1
      if (line.bytes === undefined) yield line
      else bytes = line.bytes
    }
  }
}
