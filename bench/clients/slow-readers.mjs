// node slow-readers.mjs URL COUNT RATE [SECONDS]: COUNT clients at once, each at RATE bytes a second, to the end or
// until they leave; prints what each has got, and ms until the first of it.
import { get } from 'node:http'

const url = process.argv[2]
const [count, rate, limit = Infinity] = process.argv.slice(3).map(Number)

function read() {
  return new Promise((resolve) => {
    const start = performance.now()
    let bytes = 0
    let first
    const end = (how) => resolve({ bytes, first, seconds: (performance.now() - start) / 1000, how })
    const asked = get(url, { agent: false }, (answer) => {
      answer.on('data', (piece) => {
        first ??= performance.now() - start
        bytes += piece.length
        const early = (bytes / rate) * 1000 - (performance.now() - start)
        if (early < 10) return
        answer.pause()
        setTimeout(() => answer.resume(), early)
      })
      answer.on('end', () => end(answer.complete ? String(answer.statusCode) : 'cut'))
      answer.on('error', (error) => end(error.message))
    })
    asked.on('error', (error) => end(error.message))
    if (limit === Infinity) return
    setTimeout(() => {
      end('left')
      asked.destroy()
    }, limit * 1000)
  })
}

console.log(JSON.stringify(await Promise.all(Array.from({ length: count }, read))))
