import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { MANIFEST_TYPE, TAG } from '../image.mjs'
import { answers, launch } from '../process.mjs'
import { freePort } from '../scope.mjs'

/** Debian's docker-registry with plain files, its access log and its metrics. */
export async function startDockerRegistry(scope, { core } = {}) {
  const folder = await scope.folder('docker-registry')
  const port = await freePort()
  const config = {
    version: 0.1,
    log: { level: 'info', formatter: 'json' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, cache: { blobdescriptor: 'inmemory' } },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'bench',
      debug: { addr: `127.0.0.1:${await freePort()}`, prometheus: { enabled: true } },
    },
  }
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify(config))
  const url = `http://127.0.0.1:${port}`
  const { pid } = await launch(scope, 'docker-registry', ['serve', file], {
    core,
    log: join(folder, 'log'),
    ready: () => answers(`${url}/v2/`),
  })
  return { pid, url, push: (image) => push(url, image) }
}

async function push(url, image) {
  for (const blob of [image.layer, image.config]) {
    const { headers } = await send('POST', `${url}/v2/app/blobs/uploads/`)
    const target = new URL(headers.location, url)
    target.searchParams.set('digest', blob.digest)
    await send('PUT', target, image.fileOf(blob), { 'content-length': blob.size })
  }
  await send('PUT', `${url}/v2/app/manifests/${TAG}`, image.fileOf(image.manifest), {
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
