// node undici.mjs URL: reads an answer to its end and prints its bytes; as plain as a Node client can be.
import { Agent } from 'undici'

const url = new URL(process.argv[2])
const dispatcher = new Agent({ connect: { highWaterMark: 512 * 1024 } })
let bytes = 0
await new Promise((resolve, reject) => {
  dispatcher.dispatch(
    { origin: url.origin, path: url.pathname + url.search, method: 'GET' },
    {
      onRequestStart: () => undefined,
      onResponseStart: (_, status) => status === 200 || reject(new Error(`${status}`)),
      onResponseData: (_, chunk) => (bytes += chunk.length),
      onResponseEnd: resolve,
      onResponseError: (_, error) => reject(error),
    },
  )
})
console.log(bytes)
await dispatcher.close()
