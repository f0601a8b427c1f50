import { run } from '../process.mjs'

/** Download `url` over `streams` connections at once; resolves to GB/s of all together. Short answers are errors. */
export async function curl(url, { bytes, streams = 1 }) {
  const args = ['--silent', '--show-error', '--fail', '--max-time', '120', '--output', '/dev/null']
  const start = performance.now()
  const outputs = await Promise.all(
    Array.from({ length: streams }, () => run('curl', [...args, '--write-out', '%{size_download}', url])),
  )
  const seconds = (performance.now() - start) / 1000
  const short = outputs.find((output) => bytes !== undefined && Number(output) !== bytes)
  if (short !== undefined) throw new Error(`${url} gave ${short} of ${bytes} bytes`)
  return outputs.reduce((sum, output) => sum + Number(output), 0) / seconds / 1e9
}
