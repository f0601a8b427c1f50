import { spawn } from 'node:child_process'
import { accessSync, constants, openSync, closeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const repositoryFolder = fileURLToPath(new URL('..', import.meta.url))

/** Where a program is: in .cache/tools/bin, where scripts/install-tools.mjs puts it, or on the path. */
export function findProgram(name) {
  const folders = [join(repositoryFolder, '.cache/tools/bin'), ...process.env.PATH.split(':'), '/usr/sbin']
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function environment(extra) {
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (/^(NODE_|IPFS_|npm_|REGISTRY_)/.test(name) || /_proxy$/i.test(name)) delete env[name]
  }
  return { ...env, ...extra }
}

/** Should the bench be killed, the kernel ends what it started. `core`: number of the one core it may use. */
function commandLine(command, args, core) {
  const pinned = core === undefined ? [] : ['taskset', '-c', String(core)]
  const [file, ...rest] = ['setpriv', '--pdeathsig', 'KILL', ...pinned, command, ...args]
  return { file, rest }
}

/** Run a program to its end; it must succeed, within `timeout` ms. Resolves to its standard output. */
export function run(command, args, { env, core, timeout = 180_000 } = {}) {
  const { file, rest } = commandLine(command, args, core)
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text))
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(out)
      else reject(new Error(`${command} ${args.join(' ')}: ${signal ?? code}\n${err.slice(-2000)}`))
    })
  })
}

/**
 * Start a server, with its output in a file, as a service has it: a pipe would cost the reader's time too.
 * Resolves when `ready` holds; it is ended with the scope.
 */
export async function launch(scope, command, args, { env, core, log, ready, timeout = 30_000 }) {
  const { file, rest } = commandLine(command, args, core)
  const output = openSync(log, 'a')
  const child = spawn(file, rest, { env: environment(env), stdio: ['ignore', output, output] })
  closeSync(output)
  const exited = new Promise((resolve) => {
    child.once('exit', resolve)
    child.once('error', resolve)
  })
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  scope.defer(async () => {
    if (!running()) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  })
  const end = Date.now() + timeout
  while (!(await ready())) {
    if (!running() || Date.now() > end) {
      throw new Error(`${command} did not start:\n${(await readFile(log, 'utf8')).slice(-2000)}`)
    }
    await delay(10)
  }
  return { pid: child.pid }
}

/** Whether something answers there, whatever it says. */
export async function answers(url) {
  try {
    const answer = await fetch(url)
    await answer.body?.cancel()
    return true
  } catch {
    return false
  }
}
