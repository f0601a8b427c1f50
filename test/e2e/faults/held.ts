import { readdir, readlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Gateway } from '../harness/gateway-process.ts'

/** What a process holds. */
export interface Held {
  readonly sockets: number
  readonly files: number
  /** Resident, in bytes. */
  readonly memory: number
  /** Requests of clients, and fetches, under way. */
  readonly requests: number
  readonly fetches: number
}

/** Files that the store may have open more than before: its tables. */
const MORE_FILES = 24
const MORE_SOCKETS = 2
/** Bytes: what was cached is in memory within its bounds, and the garbage collector is in no hurry. */
const MORE_MEMORY = 160 * 1024 * 1024

export async function heldBy(gateway: Gateway): Promise<Held> {
  const folder = `/proc/${gateway.process.pid}/fd`
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')),
  )
  const sockets = links.filter((link) => link.startsWith('socket:')).length
  const files = links.filter((link) => link.startsWith('/')).length
  const metrics = await gateway.metrics()
  const count = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0)
  return {
    sockets,
    files,
    memory: await gateway.memory(),
    requests: count('ipfs_registry_http_requests_in_flight'),
    fetches: count('ipfs_registry_fills_in_flight'),
  }
}

/** What is held that was not before, when there has been time to let go of it. */
export async function leaksOf(gateway: Gateway, before: Held, withinMs = 40_000): Promise<string[]> {
  for (const end = Date.now() + withinMs; ; await delay(500)) {
    const leaks = more(before, await heldBy(gateway))
    if (leaks.length === 0 || Date.now() > end) return leaks
  }
}

function more(before: Held, now: Held): string[] {
  const leaks: string[] = []
  const check = (what: keyof Held, room: number): void => {
    if (now[what] > before[what] + room) leaks.push(`LEAK: ${now[what]} ${what}, ${before[what]} before`)
  }
  check('sockets', MORE_SOCKETS)
  check('files', MORE_FILES)
  check('memory', MORE_MEMORY)
  check('requests', 0)
  check('fetches', 0)
  return leaks
}
