import { request } from 'node:http'

/**
 * Ask over a connection of its own.
 *
 * @returns `status`, `headers`, ms until the first byte of the answer's body (`first`) and until its end (`all`), and
 * the `body` with up to 64 MiB. @throws when it is no 2xx
 */
export function timed(url, { method = 'GET', headers = {}, body } = {}) {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false }, (answer) => {
      const pieces = []
      let first
      answer.on('data', (piece) => {
        first ??= performance.now() - began
        pieces.push(piece)
      })
      answer.on('error', reject)
      answer.on('end', () => {
        const all = performance.now() - began
        const bytes = Buffer.concat(pieces)
        if (answer.statusCode >= 300)
          reject(new Error(`${method} ${url}: ${answer.statusCode} ${bytes.subarray(0, 300)}`))
        else
          resolve({
            status: answer.statusCode,
            headers: answer.headers,
            first: first ?? all,
            all,
            body: bytes,
          })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
