import { Option } from 'commander'
import type { Command } from 'commander'
import type { Flags } from '../config/load.ts'
import { flagOf, propertyOf, SETTING_NAMES, settingOf } from '../config/settings.ts'
import type { SettingName } from '../config/settings.ts'

/**
 * Every command takes every setting, so that one environment or file does for all of them; its `--help` shows those
 * that matter to it.
 */
export function addSettingOptions(command: Command, shown: readonly SettingName[]): void {
  command.addOption(new Option('--config <FILE>', 'YAML file with settings').helpGroup('Settings:'))
  for (const name of SETTING_NAMES) {
    for (const option of optionsOf(name)) {
      const { group } = settingOf(name)
      option.helpGroup(`${group}:`)
      if (!shown.includes(name)) option.hideHelp()
      command.addOption(option)
    }
  }
}

function optionsOf(name: SettingName): Option[] {
  const row = settingOf(name)
  const flag = flagOf(name)
  // No default here: a value from commander means that the flag was given.
  if (row.placeholder === undefined) {
    return [new Option(flag, row.help), new Option(`--no-${name}`, row.help).hideHelp()]
  }
  const standard = row.default ?? row.defaultText?.replaceAll('`', '')
  const again = row.repeatable === true ? '; may be given many times' : ''
  const option = new Option(
    `${flag} <${row.placeholder}>`,
    row.help + again + (standard === undefined ? '' : ` (default: ${standard})`),
  )
  if (row.repeatable === true) {
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
  }
  return [option]
}

/** The settings among the options of a parsed command line. */
export function flagsOf(options: Readonly<Record<string, unknown>>): Flags {
  const given = SETTING_NAMES.map((name) => [name, options[propertyOf(name)]] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}
