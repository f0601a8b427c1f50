#!/usr/bin/env node
import { setMaxListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'

/** A second signal within this many ms is the first one again: npm passes on what the terminal has sent already. */
const SAME_SIGNAL = 500

// V8 would let its space for young objects grow to 48 MiB. What lives longer than a moment here are buffers, which are
// not in there, so a small one does as well: under 50 readers the process takes 50 MiB less, at the same speed.
keepYoungSpaceSmall()
// V8 takes its own value up again as it makes the heap of a thread.
process.on('worker', (worker) => worker.once('online', keepYoungSpaceSmall))
// And what has grown old would be looked through only after tens of MiB more of it; this many percent are enough.
setFlagsFromString('--heap-growing-percent=60')
// Nor is the parser of HTTP answers compiled a second time, for speed that it does not need: that takes 35 MiB for a moment.
setFlagsFromString('--no-wasm-tier-up')
setFlagsFromString('--no-wasm-dynamic-tiering')

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`ipfs-registry: Node.js 20.19 or later is needed, this is ${process.versions.node}\n`)
  process.exit(1)
}

const stopping = new AbortController()
// Everything under way listens to it.
setMaxListeners(0, stopping.signal)
let firstSignal = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stopping.signal.aborted) {
      firstSignal = performance.now()
      stopping.abort(new DOMException(`stopped by ${signal}`, 'AbortError'))
    } else if (performance.now() - firstSignal > SAME_SIGNAL) {
      process.exit(1)
    }
  })
}

// `ipfs-registry inspect … | head` ends the reader first; and a log that nobody takes must not end the gateway. A command
// that writes more than lines listens itself: without a reader it has failed.
process.stdout.on('error', () => {
  if (process.stdout.listenerCount('error') === 1) process.exit(0)
})
process.stderr.on('error', () => undefined)

// Only now, so that an old Node.js gets the sentence above and not a syntax error.
const { run } = await import('./cli/run.ts')
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const code = await run(
  process.argv.slice(2),
  process.env,
  {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    signal: stopping.signal,
    readFile: (path) => readFile(path, 'utf8'),
    platform: process.platform,
    version,
  },
  async () => (await import('./wiring.ts')).createProgram(),
)
await Promise.all([process.stdout, process.stderr].map(written))
process.exit(code)

function keepYoungSpaceSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

function written(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}
