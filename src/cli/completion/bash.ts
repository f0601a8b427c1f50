import { withCommandsBelow } from './completed-command.ts'
import type { CompletedCommand, CompletedValue } from './completed-command.ts'

/** For bash 3.2 and later, without the package bash-completion. */
export function bashCompletion(root: CompletedCommand, programs: readonly string[]): string {
  const commands = withCommandsBelow(root)
  const valued = commands.flatMap(({ options }) => options).filter(({ value }) => value !== undefined)
  const valueFlags = [...new Set(valued.flatMap(({ flags }) => flags))]
  const paths = commands.filter(({ path }) => path.length > 0)
  const known = paths.map(({ path }) => quoted(`${path.slice(0, -1).join(' ')} ${path.at(-1) ?? ''}`))
  return `# Completion of ${programs.join(' and ')} for bash: source <(${programs[0] ?? ''} completion bash)
_ipfs_registry() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command= words= paths= word index
  # Bash takes --flag=value for three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case $word in
      ${valueFlags.join('|')})
        [[ \${COMP_WORDS[index + 1]} == = ]] && ((index++))
        ((index++))
        continue
        ;;
    esac
    case "$command $word" in
      ${known.join('|')}) command=\${command:+$command }$word ;;
    esac
  done
  case "$command $previous" in
${valueCases(commands).join('\n')}
    *)
      case $command in
${commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ -n $paths && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY+=($(compgen -A "$paths" -- "$current"))
  fi
}
complete -F _ipfs_registry ${programs.join(' ')}
`
}

/** Flags that mean the same everywhere are one case, whatever the number of commands that have them. */
function valueCases(commands: readonly CompletedCommand[]): string[] {
  const cases = new Map<string, string[]>()
  for (const { path, options } of commands) {
    for (const { flags, value } of options) {
      if (value === undefined) continue
      const body = assignments(value)
      const patterns = flags.map((flag) => quoted(`${path.join(' ')} ${flag}`))
      cases.set(body, [...(cases.get(body) ?? []), ...patterns])
    }
  }
  return [...cases].map(([body, patterns]) => `    ${patterns.join('|')}) ${body};;`)
}

function commandCase({ path, options, argument, commands }: CompletedCommand): string {
  const words = [
    ...commands.map((one) => one.path.at(-1) ?? ''),
    ...(argument?.words ?? []),
    ...options.flatMap(({ flags }) => flags),
  ]
  const value = { placeholder: '', words, paths: argument?.paths }
  return `        ${quoted(path.join(' '))}) ${assignments(value)};;`
}

function assignments({ words, paths }: CompletedValue): string {
  const action = { files: 'file', folders: 'directory' } as const
  return [
    words.length === 0 ? '' : `words=${quoted(words.join(' '))} `,
    paths === undefined ? '' : `paths=${action[paths]} `,
  ].join('')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
