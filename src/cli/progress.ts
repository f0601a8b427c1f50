import type { Writable } from 'node:stream'
import cliProgress from 'cli-progress'
import { humanSize } from './columns.ts'

export interface Progress {
  readonly step: string
  readonly doneBytes: number
  /** Undefined while unknown. */
  readonly totalBytes: number | undefined
}

export interface ProgressDisplay {
  readonly update: (progress: Progress) => void
  /** Leaves the last state standing. */
  readonly end: () => void
}

const WIDTH = 30
const LONGEST_STEP = 'exporting'.length

/** A bar on a terminal; nothing anywhere else. */
export function showProgress(stream: Writable & { readonly isTTY?: boolean }): ProgressDisplay {
  if (stream.isTTY !== true) return { update: () => undefined, end: () => undefined }
  const bar = new cliProgress.SingleBar({
    stream: stream,
    hideCursor: true,
    clearOnComplete: false,
    format: (options, params, payload: { progress: Progress }) => {
      const { step, doneBytes, totalBytes } = payload.progress
      const drawn =
        totalBytes === undefined ? '' : (cliProgress.Format.BarFormat(params.progress, options) ?? '')
      const of = totalBytes === undefined ? '' : ` of ${humanSize(totalBytes)}`
      return `${step.padEnd(LONGEST_STEP)} ${drawn} ${humanSize(doneBytes)}${of}`
    },
    barsize: WIDTH,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    fps: 8,
  })
  let started = false
  return {
    update: (progress) => {
      const total = Math.max(1, progress.totalBytes ?? progress.doneBytes)
      if (!started) bar.start(total, 0, { progress })
      started = true
      bar.setTotal(total)
      bar.update(Math.min(progress.doneBytes, total), { progress })
    },
    end: () => {
      if (started) bar.stop()
    },
  }
}
