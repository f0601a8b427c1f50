import { join } from 'node:path'
import { answers, launch, run } from '../process.mjs'
import { freePort } from '../scope.mjs'

/**
 * This program, from its own build, on a store of its own, with access log and metrics as they are by default.
 *
 * @param options `main`: its dist/main.js; `sources`; `upstreams`: values of `--upstream`; `store`: default a fresh
 * folder; `push`: whether it takes pushes; `more`: further arguments; `env`; `core`; `nodeFlags`; `timeout` in ms until it is ready
 * @returns with them `started`: ms until it was ready
 */
export async function startGateway(scope, options) {
  const {
    main,
    sources = ['embedded'],
    upstreams = [],
    push = false,
    more = [],
    env,
    core,
    nodeFlags = [],
    timeout,
  } = options
  const home = await scope.folder('home')
  const store = options.store ?? (await scope.folder('store'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const own = { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, ...env }
  const args = [
    '--listen',
    `127.0.0.1:${port}`,
    '--admin-listen',
    `127.0.0.1:${await freePort()}`,
    '--store',
    store,
    ...sources.flatMap((source) => ['--source', source]),
    ...(push ? ['--push'] : []),
    ...upstreams.flatMap((upstream) => ['--upstream', upstream]),
    ...more,
  ]
  const began = performance.now()
  const { pid } = await launch(scope, process.execPath, [...nodeFlags, main, 'serve', ...args], {
    env: own,
    core,
    log: join(home, 'log'),
    ready: () => answers(`${url}/v2/`),
    timeout,
  })
  return {
    url,
    pid,
    store,
    started: performance.now() - began,
    /** Publish a folder of layouts to its store; resolves to the root CID. */
    async publish(folder) {
      return publish({ main, store, folder, env: own })
    },
  }
}

/** Publish a folder of layouts to a store, or where `to` (further arguments) says; resolves to the root CID. */
export async function publish({ main, store, folder, to = [], env, timeout = 1_200_000 }) {
  const args = [main, 'publish', folder, '--json', '--store', store, ...to]
  return JSON.parse(await run(process.execPath, args, { env, timeout })).root
}
