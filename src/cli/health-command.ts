import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

export interface HealthOptions {
  readonly live?: boolean
}

/** What a running gateway says of itself. */
export interface HealthReport {
  readonly ready: boolean
  /** Why not. */
  readonly reasons: readonly string[]
  /** Whether each answers, by its name; none where only life was asked for. */
  readonly sources: Readonly<Record<string, boolean>>
}

/** Asks the gateway that these settings belong to, for those who watch over it: exit code 0 where all is well, else 1. */
export async function healthCommand(context: CommandContext, { live }: HealthOptions): Promise<ExitCode> {
  const { config, terminal } = context
  const program = await context.loadProgram()
  const report = await program.health(config, live === true ? 'live' : 'ready', terminal)
  if (context.json) context.print(JSON.stringify(report))
  else {
    context.print(
      report.ready ? (live === true ? 'alive' : 'ready') : `not ready: ${report.reasons.join('; ')}`,
    )
    for (const [source, answers] of Object.entries(report.sources)) {
      context.print(`  ${source} ${answers ? 'answers' : 'does not answer'}`)
    }
  }
  return report.ready ? EXIT.done : EXIT.failed
}
