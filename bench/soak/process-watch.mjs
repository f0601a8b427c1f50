import { readdir, readFile, readlink } from 'node:fs/promises'

/**
 * What a process holds: resident memory in MiB, sockets, files of blobs (also of those in the making) and other files.
 *
 * @param store its folder
 */
export async function holdings(pid, store) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const counts = { sockets: 0, blobs: 0, incoming: 0, others: 0 }
  for (const name of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => undefined)
    if (target !== undefined) counts[kindOf(target, store)] += 1
  }
  return { memory: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) / 1024, ...counts }
}

function kindOf(target, store) {
  if (target.startsWith('socket:')) return 'sockets'
  if (target.startsWith(`${store}/blobs/`)) return 'blobs'
  if (target.startsWith(`${store}/incoming/`)) return 'incoming'
  return 'others'
}

/** Looks once a second until told to stop. */
export function watchHoldings(pid, store) {
  const samples = []
  const timer = setInterval(() => {
    holdings(pid, store).then(
      (sample) => samples.push(sample),
      () => clearInterval(timer),
    )
  }, 1_000)
  return () => {
    clearInterval(timer)
    return samples
  }
}

/** The middle and the highest of a field, in each of so many stretches of time that are as long as each other. */
export function stretches(samples, field, count = 4) {
  const length = Math.floor(samples.length / count)
  return Array.from({ length: count }, (_, at) => {
    const sorted = samples
      .slice(at * length, (at + 1) * length)
      .map((sample) => sample[field])
      .toSorted((a, b) => a - b)
    return { median: sorted[sorted.length >> 1] ?? 0, highest: sorted.at(-1) ?? 0 }
  })
}
