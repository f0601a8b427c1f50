// node slow-readers.mjs URL COUNT RATE: COUNT clients at once, each at RATE bytes a second; prints what each has got.
import { get } from 'node:http'

const [url, count, rate] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]

function read() {
  return new Promise((resolve) => {
    const start = performance.now()
    let bytes = 0
    const end = (how) => resolve({ bytes, seconds: (performance.now() - start) / 1000, how })
    get(url, { agent: false }, (answer) => {
      answer.on('data', (piece) => {
        bytes += piece.length
        const early = (bytes / rate) * 1000 - (performance.now() - start)
        if (early < 10) return
        answer.pause()
        setTimeout(() => answer.resume(), early)
      })
      answer.on('end', () => end(answer.complete ? String(answer.statusCode) : 'cut'))
      answer.on('error', (error) => end(error.message))
    }).on('error', (error) => end(error.message))
  })
}

console.log(JSON.stringify(await Promise.all(Array.from({ length: count }, read))))
