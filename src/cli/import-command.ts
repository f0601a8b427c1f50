import type { ImportedCar, ImportedRecord } from '../import/importer.ts'
import { columns, humanSize, printable } from './columns.ts'
import { EXIT, WrongUse } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import { showProgress } from './progress.ts'

export interface ImportOptions {
  readonly name?: string
  readonly allowIncomplete?: boolean
}

/** Roots shown to people; `--json` has all of them. */
const MAX_LINES = 50

export async function importCommand(
  context: CommandContext,
  path: string,
  options: ImportOptions,
): Promise<ExitCode> {
  const { terminal, config } = context
  if (path === '-' && terminal.stdin.isTTY === true) {
    throw new WrongUse('import - reads a CAR from a pipe: ipfs dag export CID | ipfs-registry import -')
  }
  const program = await context.loadProgram()
  const progress = showProgress(terminal.stderr)
  const imported = await program
    .import(
      config,
      {
        input: path === '-' ? { kind: 'stream', stream: terminal.stdin } : { kind: 'path', path },
        allowIncomplete: options.allowIncomplete === true,
        signal: terminal.signal,
        onProgress: progress.update,
        ...(options.name === undefined ? {} : { name: options.name }),
      },
      terminal,
    )
    .finally(() => progress.end())

  if (context.json) {
    context.print(JSON.stringify(imported))
  } else if (imported.kind === 'ipns-record') {
    for (const line of recordLines(imported)) context.print(printable(line))
  } else {
    for (const line of rootLines(imported)) context.print(line)
    for (const line of leftOutLines(imported)) terminal.stderr.write(`${line}\n`)
  }
  return EXIT.done
}

function recordLines({ name, value, sequence, validUntil }: ImportedRecord): string[] {
  return [
    name,
    ...columns([
      ['  value', value],
      ['  sequence', sequence],
      ['  valid until', validUntil],
    ]),
  ]
}

function rootLines({ roots }: ImportedCar): string[] {
  const lines = columns(
    roots.slice(0, MAX_LINES).map(({ root, blocks, bytes }) => [root, counted(blocks), humanSize(bytes)]),
  )
  if (roots.length > MAX_LINES) lines.push(`… and ${roots.length - MAX_LINES} more; --json lists them all`)
  return lines
}

function leftOutLines({ unreachable, missing }: ImportedCar): string[] {
  return [
    ...(unreachable === 0 ? [] : [`${counted(unreachable)} that no root leads to: not kept`]),
    ...(missing === 0 ? [] : [`${counted(missing)} missing: what is below its roots is incomplete`]),
  ]
}

function counted(blocks: number): string {
  return blocks === 1 ? '1 block' : `${blocks} blocks`
}
