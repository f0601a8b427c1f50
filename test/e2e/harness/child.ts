import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { toolPath } from './tools.ts'

export interface RunOptions {
  readonly cwd?: string
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Record<string, string | undefined>
  readonly input?: string | Uint8Array | NodeJS.ReadableStream
  /** ms; the program is killed then. Default 120 000. */
  readonly timeout?: number
}

export interface RunResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A long-running program of the bench. */
export interface Running {
  readonly pid: number
  /** Standard output and error so far. */
  output(): string
  stdout(): string
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  running(): boolean
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, and after `graceMs` SIGKILL. */
  stop(graceMs?: number): Promise<void>
}

function environment(extra: RunOptions['env']): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env }
  // Jest's own, and whatever would reach the programs under test by accident.
  for (const name of Object.keys(env)) {
    if (/^(NODE_|JEST_|IPFS_|DOCKER_|npm_)/.test(name) || /_proxy$/i.test(name)) env[name] = undefined
  }
  return { ...env, ...extra }
}

function start(command: string, args: readonly string[], options: RunOptions, input: boolean): ChildProcess {
  const program = toolPath(command) ?? command
  const setpriv = process.platform === 'linux' ? toolPath('setpriv') : undefined
  // Should this process be killed, the kernel ends what it started.
  const [file, all] =
    setpriv === undefined ? [program, args] : [setpriv, ['--pdeathsig', 'KILL', program, ...args]]
  return spawn(file, all, {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  })
}

/** Run a program to its end, whatever its exit code. */
export async function attempt(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = start(command, args, options, options.input !== undefined)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  if (child.stdin !== null) {
    child.stdin.on('error', () => undefined) // the program may end without reading all
    const { input } = options
    if (typeof input === 'string' || input instanceof Uint8Array) child.stdin.end(input)
    else input?.pipe(child.stdin)
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 120_000)
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { code, signal, stdout, stderr }
  } finally {
    clearTimeout(timer)
  }
}

/** Run a program that must succeed; resolves to its standard output. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await attempt(command, args, options)
  if (result.code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: ${result.signal ?? `exit ${result.code}`}\n${result.stderr.slice(-4000)}\n${result.stdout.slice(-1000)}`,
    )
  }
  return result.stdout
}

/** Start a program whose standard output is to be read as it comes; `code` is its exit code. */
export function output(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): { stdout: Readable; code: Promise<number | null> } {
  const child = start(command, args, options, false)
  if (child.stdout === null) throw new Error(`${command} could not be started`)
  return { stdout: child.stdout, code: once(child, 'exit').then(([code]) => code as number | null) }
}

/** Start a program that keeps running. */
export function launch(command: string, args: readonly string[], options: RunOptions = {}): Running {
  const child = start(command, args, options, false)
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} could not be started`)
  let out = ''
  let all = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text
    all += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (all += text))
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const running = (): boolean => child.exitCode === null && child.signalCode === null
  return {
    pid,
    output: () => all,
    stdout: () => out,
    exited,
    running,
    kill: (signal) => void child.kill(signal),
    stop: async (graceMs = 10_000) => {
      if (!running()) return
      child.kill('SIGTERM')
      const timer = new AbortController()
      const ended = await Promise.race([
        exited.then(() => true),
        delay(graceMs, false, { signal: timer.signal }).catch(() => false),
      ])
      timer.abort()
      if (!ended) child.kill('SIGKILL')
      await exited
    },
  }
}

/** Wait until `ready` holds; fails at once when the program ends before. */
export async function until(
  what: string,
  ready: () => Promise<boolean> | boolean,
  options: { timeout?: number; process?: Running } = {},
): Promise<void> {
  const end = Date.now() + (options.timeout ?? 30_000)
  for (;;) {
    if (await ready()) return
    if (options.process?.running() === false) {
      throw new Error(`${what}: the program ended\n${options.process.output().slice(-4000)}`)
    }
    if (Date.now() > end) {
      throw new Error(`${what}: not in time\n${options.process?.output().slice(-4000) ?? ''}`)
    }
    await delay(50)
  }
}
