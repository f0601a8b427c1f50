import type { PublishProgress } from './publisher.ts'

/** Sums up the bytes of one step, and tells whoever asked. */
export function progressOf(
  step: PublishProgress['step'],
  onProgress: ((progress: PublishProgress) => void) | undefined,
): (count: number, totalBytes: number | undefined) => void {
  let doneBytes = 0
  return (count, totalBytes) => {
    doneBytes += count
    onProgress?.({ step, doneBytes, totalBytes })
  }
}
