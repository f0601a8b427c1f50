import { readFile } from 'node:fs/promises'

/** Look at a process's resident memory until told to stop; resolves to MiB. */
export function watchMemory(pid, { every = 200 } = {}) {
  const samples = []
  const timer = setInterval(() => {
    statusOf(pid).then(
      ({ resident }) => samples.push(resident),
      () => clearInterval(timer),
    )
  }, every)
  return async () => {
    clearInterval(timer)
    const { peak } = await statusOf(pid)
    const sorted = samples.toSorted((a, b) => a - b)
    return { peak, median: sorted[sorted.length >> 1] ?? 0 }
  }
}

async function statusOf(pid) {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) / 1024
  return { resident: field('VmRSS'), peak: field('VmHWM') }
}
