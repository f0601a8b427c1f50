import type { InspectedImage, Inspection } from '../repository/inspection.ts'
import { columns, humanSize, printable } from './columns.ts'
import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

/** Shows what is under a path; fails where that is no image layout. */
export async function inspectCommand(context: CommandContext, path: string): Promise<ExitCode> {
  const program = await context.loadProgram()
  const inspection = await program.inspect(context.config, path, context.terminal)
  if (context.json) context.print(JSON.stringify(inspection))
  else for (const line of describe(inspection)) context.print(printable(line))
  return inspection.entries === undefined ? EXIT.done : EXIT.failed
}

function describe({ layout, images, entries }: Inspection): string[] {
  if (entries !== undefined) {
    const what = entries.length === 0 ? 'it is empty' : 'it holds'
    return [`${layout} is no image layout; ${what}`, ...entries.map((entry) => `  ${entry}`)]
  }
  if (images.length === 0) return [`${layout} is an image layout without images`]
  return [layout, ...images.flatMap((image) => ['', ...describeImage(image)])]
}

function describeImage({ tag, digest, mediaType, cid, platforms }: InspectedImage): string[] {
  const facts = columns([
    ['  digest', digest],
    ['  type', mediaType],
    ...(cid === undefined ? [] : [['  cid', cid]]),
  ])
  const table = columns(
    platforms.map(({ platform, digest: child, size, layers }) => [
      `  ${platform}`,
      humanSize(size),
      layers === 1 ? '1 layer' : `${layers} layers`,
      // An image that is no index is its own and only platform.
      child === digest ? '' : child,
    ]),
  )
  return [tag ?? '(no tag)', ...facts, ...table]
}
