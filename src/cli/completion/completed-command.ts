import type { Argument, Command, Option } from 'commander'

/** A command as a shell completes it: what its `--help` shows. */
export interface CompletedCommand {
  /** Without the program: `['roots', 'import']`; empty for the program itself. */
  readonly path: readonly string[]
  readonly help: string
  readonly options: readonly CompletedOption[]
  /** What it is about; undefined where it takes no argument. */
  readonly argument: CompletedValue | undefined
  readonly commands: readonly CompletedCommand[]
}

export interface CompletedOption {
  /** `['-o', '--output']` */
  readonly flags: readonly string[]
  readonly help: string
  /** Undefined where it takes none. */
  readonly value: CompletedValue | undefined
}

export interface CompletedValue {
  /** As `--help` shows it: `DIR|memory`. */
  readonly placeholder: string
  readonly words: readonly string[]
  readonly paths: 'files' | 'folders' | undefined
}

/** Of the whole tree of commands, this one first. */
export function completedCommand(command: Command, path: readonly string[] = []): CompletedCommand {
  const help = command.createHelp()
  const [argument] = command.registeredArguments
  return {
    path,
    help: command.description(),
    options: help.visibleOptions(command).map(completedOption),
    argument: argument === undefined ? undefined : valueOf(argument.name(), argument),
    commands: help.visibleCommands(command).map((one) => completedCommand(one, [...path, one.name()])),
  }
}

/** A command and all below it. */
export function withCommandsBelow(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(withCommandsBelow)]
}

function completedOption(option: Option): CompletedOption {
  const placeholder = /[<[](.*)[\]>]/.exec(option.flags)?.[1]
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    help: option.description,
    value: placeholder === undefined ? undefined : valueOf(placeholder, option),
  }
}

/** A placeholder names its alternatives: words in lower case stand for themselves, FILE, PATH and DIR for paths. */
function valueOf(placeholder: string, { argChoices }: Pick<Argument | Option, 'argChoices'>): CompletedValue {
  const parts = placeholder.split('|')
  const isOf = (...names: readonly string[]): boolean => parts.some((part) => names.includes(part))
  return {
    placeholder,
    words: argChoices ?? parts.filter((part) => /^[a-z][a-z-]*$/.test(part)),
    paths: isOf('FILE', 'PATH') ? 'files' : isOf('DIR') ? 'folders' : undefined,
  }
}
