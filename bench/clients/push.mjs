import { run } from '../process.mjs'

/**
 * Push a blob as docker does: POST, all of it in one PATCH, PUT with the digest. Resolves to seconds.
 *
 * @param repository URL of the repository, `http://…/v2/app`
 * @param blob its `digest`, and the `file` that has its bytes
 * @param options `timeout` in ms
 */
export async function pushBlob(repository, { file, digest }, { timeout = 600_000 } = {}) {
  const start = performance.now()
  const begun = await ask('POST', `${repository}/blobs/uploads/`, 202)
  const target = new URL(begun.headers.get('location'), repository).href
  const head = ['--request', 'PATCH', '--header', 'content-type: application/octet-stream']
  // Of the answer, only where the upload goes on.
  const answer = ['--output', '/dev/null', '--write-out', '%header{location}']
  const args = ['--silent', '--show-error', '--fail', ...head, ...answer, '--upload-file', file, target]
  const next = new URL((await run('curl', args, { timeout })).trim(), repository)
  next.searchParams.set('digest', digest)
  await ask('PUT', next, 201, timeout)
  return (performance.now() - start) / 1000
}

async function ask(method, url, status, timeout = 30_000) {
  const answer = await fetch(url, { method, signal: AbortSignal.timeout(timeout) })
  if (answer.status === status) return answer
  throw new Error(`${method} ${url}: ${answer.status} ${(await answer.text()).slice(0, 300)}`)
}
