import type { ExportFormat } from '../export/export.ts'
import type { ExportOutput } from '../export/output.ts'
import { columns, humanSize, printable } from './columns.ts'
import { EXIT, WrongUse } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import type { Exported } from './program.ts'
import { showProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'

export interface ExportOptions {
  readonly format: ExportFormat
  readonly output?: string
  readonly platform?: string
  readonly name?: string
}

/** Lines for people; `--json` has all of them. */
const MAX_LINES = 50

/** Writes what is at a path to a file, a folder or stdout; only then, stdout has nothing but that. */
export async function exportCommand(
  context: CommandContext,
  path: string,
  options: ExportOptions,
): Promise<ExitCode> {
  const { terminal, config } = context
  const { format, platform, name } = options
  const output = outputOf(options, terminal)
  if (format === 'car' && platform !== undefined) {
    throw new WrongUse('a CAR has all platforms: --platform is for the other formats')
  }
  if (format !== 'docker-archive' && name !== undefined) {
    throw new WrongUse('--name is for --format docker-archive: in other formats images have no name')
  }
  const program = await context.loadProgram()
  const progress = showProgress(terminal.stderr)
  const exported = await program
    .export(
      config,
      {
        path,
        format,
        output,
        signal: terminal.signal,
        onProgress: progress.update,
        ...(platform === undefined ? {} : { platform }),
        ...(name === undefined ? {} : { name }),
      },
      terminal,
    )
    .finally(() => progress.end())
  if (output.kind === 'stream') return EXIT.done
  if (context.json) context.print(JSON.stringify({ ...exported, format, output: output.path }))
  else for (const line of describe(exported, output.path)) context.print(printable(line))
  return EXIT.done
}

function outputOf({ format, output }: ExportOptions, { stdout }: Terminal): ExportOutput {
  if (output !== undefined && output !== '-') {
    return { kind: format === 'oci' ? 'folder' : 'file', path: output }
  }
  if (format === 'oci') {
    throw new WrongUse('an OCI layout is a folder: name it by -o, or use --format oci-archive')
  }
  if (stdout.isTTY === true) {
    throw new WrongUse('stdout is a terminal: name a file by -o, or use a pipe or a redirection')
  }
  return { kind: 'stream', stream: stdout }
}

function describe({ root, images = [], bytes }: Exported, output: string): string[] {
  const shown = images.slice(0, MAX_LINES).map(({ name, digest }) => [name ?? '(no tag)', digest])
  const more = images.length - shown.length
  return [
    `${output}  ${humanSize(bytes)}`,
    ...(root === undefined ? [] : [`/ipfs/${root}`]),
    ...columns(shown),
    ...(more > 0 ? [`… and ${more} more; --json lists them all`] : []),
  ]
}
