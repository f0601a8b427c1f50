import { readFile } from 'node:fs/promises'

/** Ticks of a second in /proc: what `getconf CLK_TCK` says on every Linux that runs here. */
const TICKS = 100

/** Seconds of the processors that a process has used so far, its threads included, those of the kernel for it too. */
export async function processorTime(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ')
  const [user, system] = fields.slice(11, 13).map(Number)
  return (user + system) / TICKS
}
