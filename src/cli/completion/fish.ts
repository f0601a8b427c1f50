import { withCommandsBelow } from './completed-command.ts'
import type { CompletedCommand, CompletedOption } from './completed-command.ts'

/** For fish 3 and later. */
export function fishCompletion(root: CompletedCommand, programs: readonly string[]): string {
  const lines = withCommandsBelow(root).flatMap((command) => {
    const condition = conditionOf(command, root)
    return [
      ...command.commands.map((one) => complete(condition, ['-a', one.path.at(-1) ?? ''], one.help)),
      ...command.options.map((option) => complete(condition, optionParts(option), option.help)),
      ...argumentLines(command, condition),
    ]
  })
  return `# Completion of ${programs.join(' and ')} for fish: ${programs[0] ?? ''} completion fish | source
for program in ${programs.join(' ')}
  complete -c $program -e
  complete -c $program -f
${lines.map((line) => `  ${line}`).join('\n')}
end
`
}

function complete(condition: string, parts: readonly string[], help?: string): string {
  const description = help === undefined ? [] : ['-d', quoted(help)]
  return ['complete -c $program -n', quoted(condition), ...parts, ...description].join(' ')
}

function optionParts({ flags, value }: CompletedOption): string[] {
  const names = flags.flatMap((flag) =>
    flag.startsWith('--') ? ['-l', flag.slice(2)] : ['-s', flag.slice(1)],
  )
  if (value === undefined) return names
  const words = value.words.length === 0 ? [] : ['-a', quoted(value.words.join(' '))]
  return [...names, '-r', value.paths === undefined ? '-f' : '-F', ...words]
}

function argumentLines({ argument }: CompletedCommand, condition: string): string[] {
  if (argument === undefined) return []
  return [
    ...(argument.words.length === 0 ? [] : [complete(condition, ['-a', quoted(argument.words.join(' '))])]),
    ...(argument.paths === undefined ? [] : [complete(condition, ['-F'])]),
  ]
}

/** Whether the command line has come as far as this command, and to none below it. */
function conditionOf({ path, commands }: CompletedCommand, root: CompletedCommand): string {
  if (path.length === 0) return '__fish_use_subcommand'
  const [first = '', second] = path
  const siblings = root.commands.map((one) => one.path[0]).filter((name) => name !== first)
  const seen = `__fish_seen_subcommand_from ${first}`
  if (second !== undefined) return `${seen}; and __fish_seen_subcommand_from ${second}`
  // A word that is the name of another command as well is below that one.
  const above = root.commands.filter((one) => one.commands.some(({ path: below }) => below[1] === first))
  const none = [...commands.map((one) => one.path.at(-1)), ...above.map((one) => one.path[0])]
  return none.length === 0 || siblings.length === 0
    ? seen
    : `${seen}; and not __fish_seen_subcommand_from ${none.join(' ')}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
