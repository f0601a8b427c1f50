import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pushImage } from '../clients/push-image.mjs'
import { answers, findProgram, launch } from '../process.mjs'
import { freePort } from '../scope.mjs'

export const ZOT = 'zot'

/** zot with plain files and its log in a file, without extensions, deduplication or collection. */
export async function startZot(scope, { core } = {}) {
  const folder = await scope.folder(ZOT)
  const port = await freePort()
  const config = {
    storage: { rootDirectory: join(folder, 'data'), dedupe: false, gc: false },
    http: { address: '127.0.0.1', port: String(port) },
    log: { level: 'info', output: join(folder, 'zot.log') },
  }
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify(config))
  const url = `http://127.0.0.1:${port}`
  const { pid } = await launch(scope, findProgram(ZOT), ['serve', file], {
    core,
    log: join(folder, 'log'),
    ready: () => answers(`${url}/v2/`),
  })
  return { pid, url, push: (image, repository = 'app') => pushImage(`${url}/v2/${repository}`, image) }
}
