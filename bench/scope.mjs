import { randomBytes, randomInt } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What was started and must be ended, in reverse order. */
export class Scope {
  #steps = []

  defer(step) {
    this.#steps.push(step)
  }

  /** A scope that ends with this one at the latest. */
  inner() {
    const scope = new Scope()
    this.defer(() => scope.end())
    return scope
  }

  /** A fresh folder, removed at the end. */
  async folder(name) {
    const folder = join(tmpdir(), `bench-${name}-${randomBytes(4).toString('hex')}`)
    await mkdir(folder, { mode: 0o700 })
    this.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }))
    return folder
  }

  async end() {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      await step().catch((error) => console.error(`while cleaning up: ${error.message}`))
    }
  }
}

const given = new Set()

/**
 * A free TCP port of the loopback, for programs that can't choose one themselves; never the same twice, and below those
 * that the kernel gives to whoever asks for any, so that nobody takes it in between.
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
