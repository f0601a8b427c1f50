import type { Command } from 'commander'
import { bashCompletion } from './completion/bash.ts'
import { completedCommand } from './completion/completed-command.ts'
import type { CompletedCommand } from './completion/completed-command.ts'
import { fishCompletion } from './completion/fish.ts'
import { zshCompletion } from './completion/zsh.ts'

const SHELLS: Readonly<Record<string, (root: CompletedCommand, programs: readonly string[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}
export const SHELL_NAMES = Object.keys(SHELLS)

/** As package.json names them. */
const PROGRAMS = ['ipfs-registry', 'ipfs-registry-gateway']

/** The script by which a shell completes commands, flags and values; made of the commands themselves. */
export function completionScript(program: Command, shell: string): string {
  return SHELLS[shell]?.(completedCommand(program), PROGRAMS) ?? ''
}
