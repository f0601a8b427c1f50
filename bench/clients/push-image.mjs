import { createReadStream } from 'node:fs'
import { request } from 'node:http'
import { MANIFEST_TYPE, TAG } from '../image.mjs'

/** Push an image of {@link makeImage} to a repository, `http://…/v2/app`, each blob in one PUT. */
export async function pushImage(repository, image) {
  for (const blob of [...image.layers, image.config]) {
    const { headers } = await send('POST', `${repository}/blobs/uploads/`)
    const target = new URL(headers.location, repository)
    target.searchParams.set('digest', blob.digest)
    await send('PUT', target, image.fileOf(blob), { 'content-length': blob.size })
  }
  await send('PUT', `${repository}/manifests/${TAG}`, image.fileOf(image.manifest), {
    'content-type': MANIFEST_TYPE,
    'content-length': image.manifest.size,
  })
}

function send(method, url, file, headers = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (answer) => {
      answer.resume()
      if (answer.statusCode < 300) resolve(answer)
      else reject(new Error(`${method} ${url}: ${answer.statusCode}`))
    })
    asked.on('error', reject)
    if (file === undefined) asked.end()
    else createReadStream(file).pipe(asked)
  })
}
