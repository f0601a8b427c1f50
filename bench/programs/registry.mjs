import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pushImage } from '../clients/push-image.mjs'
import { answers, findProgram, launch } from '../process.mjs'
import { freePort } from '../scope.mjs'

/** Of distribution v3, as scripts/install-tools.mjs builds it, and of Debian's docker-registry 2.8. */
export const DISTRIBUTION = 'registry'
export const DOCKER_REGISTRY = 'docker-registry'

/**
 * An ordinary registry with plain files, its access log and its metrics; an empty one, or with `remote` (the URL of
 * another registry) a pull-through cache of that.
 *
 * @param program {@link DISTRIBUTION} or {@link DOCKER_REGISTRY}: both have the same command line and settings
 */
export async function startRegistry(scope, program, { core, remote } = {}) {
  const folder = await scope.folder(program)
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
    // distribution v3 does not start without the ttl, whatever its documentation says of a default.
    ...(remote === undefined ? {} : { proxy: { remoteurl: remote, ttl: '168h' } }),
  }
  const file = join(folder, 'config.json')
  await writeFile(file, JSON.stringify(config))
  const url = `http://127.0.0.1:${port}`
  const log = join(folder, 'log')
  const { pid } = await launch(scope, findProgram(program), ['serve', file], {
    env: { OTEL_TRACES_EXPORTER: 'none' },
    core,
    log,
    ready: () => answers(`${url}/v2/`),
  })
  return {
    pid,
    url,
    push: (image, repository = 'app') => pushImage(`${url}/v2/${repository}`, image),
    /** Requests so far, and bytes of all answers, as its access log has them. */
    asked: async () => countRequests(await readFile(log, 'utf8')),
  }
}

/** Of lines in Apache's combined log format: `… "GET /v2/ HTTP/1.1" 200 2 …`. */
function countRequests(log) {
  const lines = [...log.matchAll(/"[A-Z]+ \S+ HTTP\/1\.1" \d{3} (\d+) /g)]
  return { requests: lines.length, bytes: lines.reduce((sum, [, bytes]) => sum + Number(bytes), 0) }
}
