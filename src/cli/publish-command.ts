import { EXIT, WrongUse } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import type { PublishTargetName } from './program.ts'
import { showProgress } from './progress.ts'
import { pullLines, untaggedLines } from './pull-lines.ts'

export interface PublishOptions {
  readonly name?: string
  readonly tag?: string
  readonly to: PublishTargetName
}

/** Lines for people; `--json` has all of them. */
const MAX_LINES = 50

export async function publishCommand(
  context: CommandContext,
  path: string,
  options: PublishOptions,
): Promise<ExitCode> {
  const { terminal, config } = context
  if (path === '-' && terminal.stdin.isTTY === true) {
    throw new WrongUse(
      'publish - reads an archive from a pipe: docker save IMAGE | ipfs-registry publish - --name NAME',
    )
  }
  const program = await context.loadProgram()
  const progress = showProgress(terminal.stderr)
  const { gateway, ...result } = await program
    .publish(
      config,
      {
        input: path === '-' ? { kind: 'stream', stream: terminal.stdin } : { kind: 'path', path },
        to: options.to,
        signal: terminal.signal,
        onProgress: progress.update,
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.tag === undefined ? {} : { tag: options.tag }),
      },
      terminal,
    )
    .finally(() => progress.end())

  const pull = pullLines(result, gateway ?? config.listen)
  if (context.json) {
    context.print(JSON.stringify({ ...result, pull }))
    return EXIT.done
  }
  context.print(result.root)
  for (const line of pull.slice(0, MAX_LINES)) context.print(line)
  for (const line of untaggedLines(result).slice(0, MAX_LINES)) terminal.stderr.write(`${line}\n`)
  if (pull.length > MAX_LINES) context.print(`… and ${pull.length - MAX_LINES} more; --json lists them all`)
  return EXIT.done
}
