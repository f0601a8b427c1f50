import { EXIT, WrongUse } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

export interface RootsImportOptions {
  /** As the setting of that name. */
  readonly root?: readonly string[]
}

/** Starts a root that has no version yet from a folder of layouts on IPFS. */
export async function rootsImportCommand(
  context: CommandContext,
  path: string,
  { root: given = ['home'] }: RootsImportOptions,
): Promise<ExitCode> {
  const [root = '', ...others] = given.map((named) => named.replace(/=.*/, ''))
  if (others.length > 0) throw new WrongUse('roots import starts one root: one --root')
  const program = await context.loadProgram()
  const imported = await program.importRoot(context.config, { root, path }, context.terminal)
  if (context.json) {
    context.print(JSON.stringify(imported))
    return EXIT.done
  }
  const { cid, repositories } = imported
  const count = repositories.length === 1 ? '1 repository' : `${repositories.length} repositories`
  context.print(`the root ${root} is /ipfs/${cid} now, with ${count}`)
  return EXIT.done
}
