import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent } from 'undici'

/** Answers are read by its connections, which it keeps; to be closed. */
export class Client {
  #agent = new Agent({ connections: 64, headersTimeout: 60_000, bodyTimeout: 60_000 })

  /**
   * Read an answer.
   *
   * @param options `method`, `headers`, `body`; `until`: bytes after which the client leaves; `pace`: bytes a second it takes
   * @returns `status`, `headers`, `length`, `sha256` in hex, `bytes` where they are few, and `cut`: the error that ended it
   */
  async read(url, { method = 'GET', headers = {}, body, until = Infinity, pace } = {}) {
    const { origin, pathname, search } = new URL(url)
    const answer = await this.#agent.request({ origin, path: pathname + search, method, headers, body })
    const hash = createHash('sha256')
    const few = []
    let length = 0
    let cut
    try {
      for await (const piece of answer.body) {
        length += piece.length
        hash.update(piece)
        if (length <= 64 * 1024) few.push(piece)
        if (length >= until) break
        if (pace !== undefined) await delay((piece.length / pace) * 1000)
      }
    } catch (error) {
      cut = error
    }
    const told = Number(answer.headers['content-length'] ?? length)
    if (method !== 'HEAD' && length < Math.min(told, until)) cut ??= new Error(`${length} of ${told} bytes`)
    return {
      status: answer.statusCode,
      headers: answer.headers,
      length,
      sha256: hash.digest('hex'),
      bytes: length <= 64 * 1024 ? Buffer.concat(few) : undefined,
      cut,
    }
  }

  async close() {
    await this.#agent.destroy()
  }
}
