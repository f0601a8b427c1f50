import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

/** Keeps no longer what was published or imported under a CID; garbage collection then frees its bytes. */
export async function unpublishCommand(context: CommandContext, path: string): Promise<ExitCode> {
  const program = await context.loadProgram()
  const unpublished = await program.unpublish(context.config, path, context.terminal)
  if (context.json) context.print(JSON.stringify(unpublished))
  else context.print(`${unpublished.cid} is kept no longer; ipfs-registry gc frees what nothing else reaches`)
  return EXIT.done
}
