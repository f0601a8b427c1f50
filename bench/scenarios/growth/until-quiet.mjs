import { setTimeout as delay } from 'node:timers/promises'
import { processorTime } from '../../clients/processor-time.mjs'

/** Wait until a process does nothing any more; a minute at most. */
export async function untilQuiet(pid) {
  let before = await processorTime(pid)
  for (let tries = 0; tries < 120; tries += 1) {
    await delay(500)
    const now = await processorTime(pid)
    if (now - before <= 0.02) return
    before = now
  }
}
