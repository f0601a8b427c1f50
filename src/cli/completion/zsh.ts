import { withCommandsBelow } from './completed-command.ts'
import type { CompletedCommand, CompletedOption, CompletedValue } from './completed-command.ts'

/** A file for a folder of `fpath`, which can be sourced as well. */
export function zshCompletion(root: CompletedCommand, programs: readonly string[]): string {
  return `#compdef ${programs.join(' ')}
# Completion of ${programs.join(' and ')} for zsh: source <(${programs[0] ?? ''} completion zsh), or a file of fpath
${withCommandsBelow(root).map(commandFunction).join('\n')}
if [[ \${funcstack[1]} == _${programs[0] ?? ''} ]]; then
  ${nameOf(root)} "$@"
else
  compdef ${nameOf(root)} ${programs.join(' ')}
fi
`
}

function commandFunction(command: CompletedCommand): string {
  const { argument, commands, options } = command
  const specs = options.map(optionSpec)
  if (commands.length === 0) {
    const own = argument === undefined ? [] : [`'1:${messageOf(argument)}'`]
    return `${nameOf(command)}() {\n  _arguments ${[...specs, ...own].join(' \\\n    ')}\n}`
  }
  const described = commands.map((one) => `'${escaped(one.path.at(-1) ?? '')}:${escaped(one.help)}'`)
  const cases = commands.map((one) => `        ${one.path.at(-1) ?? ''}) ${nameOf(one)} ;;`)
  return `${nameOf(command)}() {
  local context state state_descr line curcontext="$curcontext"
  local -A opt_args
  _arguments -C ${[...specs, `'1: :->command'`, `'*:: :->rest'`].join(' \\\n    ')} && return
  case $state in
    command)
      local -a commands
      commands=(
        ${described.join('\n        ')}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac
      ;;
  esac
}`
}

/** An option may be given again: some are meant to be, the others then mean the last one. */
function optionSpec({ flags, help, value }: CompletedOption): string {
  const rest = `[${escaped(help).replace(/[[\]]/g, '\\$&')}]${value === undefined ? '' : `:${messageOf(value)}`}`
  const specs = flags.map(
    (flag) => `'*${flag}${value !== undefined && flag.startsWith('--') ? '=' : ''}${rest}'`,
  )
  return specs.join(' ')
}

function messageOf({ placeholder, words, paths }: CompletedValue): string {
  const actions = [
    ...(words.length === 0 ? [] : [`compadd ${words.join(' ')}`]),
    ...(paths === undefined ? [] : [paths === 'files' ? '_files' : '_files -/']),
  ]
  return `${escaped(placeholder)}:${actions.length === 0 ? '' : `{${actions.join('; ')}}`}`
}

function nameOf({ path }: CompletedCommand): string {
  return ['_ipfs_registry', ...path].join('__')
}

/** Within single quotes, where a colon would end the text. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(':', '\\:').replaceAll("'", `'\\''`)
}
