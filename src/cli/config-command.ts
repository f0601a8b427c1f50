import { formatOrigin } from '../config/config.ts'
import { columns, printable } from './columns.ts'
import { EXIT } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

/** Shows the settings in force and where each came from. */
export function configCommand({ settings, json, print }: CommandContext): ExitCode {
  if (json) {
    print(JSON.stringify(Object.fromEntries(settings.inForce.map(({ name, ...rest }) => [name, rest]))))
    return EXIT.done
  }
  const rows = settings.inForce.flatMap(({ name, texts, origin }) => {
    const from = formatOrigin(origin)
    if (texts.length === 0) return [[name, '-', from]]
    return texts.map((text, index) => (index === 0 ? [name, text, from] : ['', text, '']))
  })
  for (const line of columns(rows)) print(printable(line))
  return EXIT.done
}
