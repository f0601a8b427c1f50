import { isFailure, messageOf } from '../errors.ts'
import { EXIT, WrongUse } from './command-context.ts'
import type { ExitCode } from './command-context.ts'
import { CommanderError } from 'commander'

export interface FailureTextOptions {
  readonly platform: string
  /** Whether to add where it happened. */
  readonly stack: boolean
  /** That of `--admin-listen`, where the settings were read. */
  readonly adminPort: number | undefined
}

/** What a person is told of a failed command. */
export function failureText(error: unknown, options: FailureTextOptions): string {
  const text = listenFailure(error, options) ?? (messageOf(error) || String(error))
  const stack = options.stack && error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : ''
  return `ipfs-registry: ${text}${stack}`
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof WrongUse || error instanceof CommanderError) return EXIT.wrongUse
  return isFailure(error, 'SETTINGS_INVALID', 'NAME_INVALID') ? EXIT.wrongUse : EXIT.failed
}

/** Errors of `listen()`, which say neither what holds the port nor what to do. */
function listenFailure(error: unknown, { platform, adminPort }: FailureTextOptions): string | undefined {
  if (!isListenError(error)) return undefined
  const { code, port } = error
  const address = error.address ?? error.hostname ?? 'this address'
  const where = port === undefined ? address : `${address}:${port}`
  const advice =
    port === undefined || port !== adminPort
      ? 'Choose another one with --listen 127.0.0.1:5050.'
      : 'Choose another one with --admin-listen 127.0.0.1:5011, or --admin-listen off.'
  switch (code) {
    case 'EADDRINUSE':
      return [`${where} is in use.`, holder(port, platform), advice].join('\n')
    case 'EACCES':
      return `${where} may not be listened on; ports below 1024 need privileges.\n${advice}`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where} is no address of this machine; 0.0.0.0 stands for all of them.`
    default:
      return undefined
  }
}

interface ListenError extends Error {
  readonly code: string
  readonly address?: string
  readonly hostname?: string
  readonly port?: number
}

function isListenError(error: unknown): error is ListenError {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return false
  return error.syscall === 'listen' || error.syscall === 'bind' || error.syscall === 'getaddrinfo'
}

function holder(port: number | undefined, platform: string): string {
  if (platform === 'darwin') {
    const airplay =
      'On macOS that is mostly the AirPlay Receiver (System Settings, General, AirDrop & Handoff).'
    const list = `\`lsof -nP -iTCP:${port} -sTCP:LISTEN\` shows who has it.`
    return port === 5000 || port === 7000 ? `${airplay} ${list}` : list
  }
  if (platform === 'win32') return `\`netstat -ano | findstr :${port}\` shows who has it.`
  return `Another gateway or registry may be running; \`ss -ltnp 'sport = :${port}'\` shows who has it.`
}
