import { askHealth } from './ask-health.ts'
import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

export interface HealthOptions {
  readonly live?: boolean
}

/** Asks the gateway that these settings belong to, for those who watch over it: exit code 0 where all is well, else 1. */
export async function healthCommand(context: CommandContext, { live }: HealthOptions): Promise<ExitCode> {
  const { config, terminal } = context
  const report = await askHealth(config, live === true ? 'live' : 'ready', terminal.signal)
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
