import { run } from '../process.mjs'

const ARGUMENTS = [
  '--silent',
  '--show-error',
  '--fail',
  '--max-time',
  '120',
  '--write-out',
  '%{size_download}\\n',
]

const transfer = (url) => ['--output', '/dev/null', url]

const header = ([name, value]) => ['--header', `${name}: ${value}`]

/** Download `url` over `streams` connections at once; resolves to GB/s of all together. Short answers are errors. */
export async function curl(url, { bytes, streams = 1, headers = {} }) {
  const args = [...ARGUMENTS, ...Object.entries(headers).flatMap(header), ...transfer(url)]
  const start = performance.now()
  const outputs = await Promise.all(Array.from({ length: streams }, () => run('curl', args)))
  const seconds = (performance.now() - start) / 1000
  const short = outputs.find((output) => bytes !== undefined && Number(output) !== bytes)
  if (short !== undefined) throw new Error(`${url} gave ${short} of ${bytes} bytes`)
  return outputs.reduce((sum, output) => sum + Number(output), 0) / seconds / 1e9
}

/** Download `url` by `clients` connections that one process opens at once; all must get `bytes`. */
export async function curlAtOnce(url, { bytes, clients }) {
  const together = ['--parallel', '--parallel-immediate', '--parallel-max', String(clients)]
  const transfers = Array.from({ length: clients }, () => transfer(url)).flat()
  const sizes = (await run('curl', [...ARGUMENTS, ...together, ...transfers])).trim().split('\n')
  const whole = sizes.filter((size) => Number(size) === bytes).length
  if (whole !== clients) throw new Error(`${url}: ${whole} of ${clients} got all of it`)
}

/** Download `url`; resolves to seconds until the first byte, to GB/s of all of it, and its bytes. */
export async function curlTimes(url, { timeout = 600 } = {}) {
  const times = '%{time_starttransfer} %{time_total} %{size_download}'
  const args = ['--silent', '--show-error', '--fail', '--max-time', String(timeout), '--write-out', times]
  const output = await run('curl', [...args, ...transfer(url)], { timeout: timeout * 1000 })
  const [first, seconds, bytes] = output.split(' ').map(Number)
  return { first, speed: bytes / seconds / 1e9, bytes }
}
