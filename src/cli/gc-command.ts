import { columns, humanSize } from './columns.ts'
import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'
import type { Collected } from './root-reports.ts'

export interface GcOptions {
  readonly dryRun?: boolean
}

/** Lines of what would be removed; `--json` has all of them. */
const MAX_LINES = 200

/** Removes what nothing that is kept reaches; a dry run lists it. */
export async function gcCommand(context: CommandContext, options: GcOptions): Promise<ExitCode> {
  const program = await context.loadProgram()
  const collected = await program.gc(context.config, options.dryRun === true, context.terminal)
  if (context.json) {
    context.print(JSON.stringify(collected))
    return EXIT.done
  }
  const listed = collected.dryRun ? listLines(collected) : []
  for (const line of listed.slice(0, MAX_LINES)) context.print(line)
  if (listed.length > MAX_LINES) {
    context.print(`… and ${listed.length - MAX_LINES} more; --json lists them all`)
  }
  for (const line of totalLines(collected)) context.print(line)
  return EXIT.done
}

function listLines({ embedded, kubo }: Collected): string[] {
  return [
    ...columns((embedded?.blobs ?? []).map(({ digest, size }) => [digest, humanSize(size)])),
    ...(kubo?.paths ?? []),
    ...(kubo?.pins ?? []).map((cid) => `pin ${cid}`),
  ]
}

function totalLines({ dryRun, embedded, kubo }: Collected): string[] {
  const lines: string[] = []
  if (embedded !== undefined) {
    const { blobs, blobBytes, blocks, blockBytes } = embedded
    const what = `${counted(blobs.length, 'blob')} and ${counted(blocks, 'other block')}`
    lines.push(`${dryRun ? 'would remove' : 'removed'} ${what}: ${humanSize(blobBytes + blockBytes)}`)
  }
  if (kubo !== undefined) {
    const what = `${counted(kubo.paths.length, 'entry of MFS', 'entries of MFS')} and ${counted(kubo.pins.length, 'pin')}`
    const frees = 'what nothing else holds is freed by the node itself: ipfs repo gc'
    lines.push(`${dryRun ? 'would release' : 'released'} ${what} in Kubo; ${frees}`)
  }
  return lines
}

function counted(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`
}
