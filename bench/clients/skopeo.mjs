import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../process.mjs'

/** Copy an image into a folder, each digest checked; resolves to seconds. */
export async function skopeoPull(scope, url, repository, tag) {
  const folder = await scope.folder('pulled')
  const target = join(folder, 'image')
  const from = `docker://${new URL(url).host}/${repository}:${tag}`
  const start = performance.now()
  await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', from, `dir:${target}`])
  const seconds = (performance.now() - start) / 1000
  await rm(target, { recursive: true })
  return seconds
}
