import type { Config, LoadedConfig } from '../config/config.ts'
import type { Program } from './program.ts'
import type { Terminal } from './terminal.ts'

export const EXIT = { done: 0, failed: 1, wrongUse: 2 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** What every command gets. */
export interface CommandContext {
  readonly terminal: Terminal
  /** Loads the program behind the commands: `--help` and `config` do without. */
  readonly loadProgram: () => Promise<Program>
  /** The settings of the command line, the environment and the file. */
  readonly settings: LoadedConfig
  readonly config: Config
  /** Whether results are to be JSON. */
  readonly json: boolean
  /** Writes a result to stdout. */
  readonly print: (text: string) => void
}

/** The command was used wrongly: exit code 2. */
export class WrongUse extends Error {}
