import { Failure } from '../errors.ts'

/** One thing wrong with the settings. */
export interface SettingMistake {
  /** Where it stands, and what stands there, without secrets: `--listen "foo"`. */
  readonly where: string
  /** Completes the sentence: `must be HOST:PORT`. */
  readonly problem: string
}

/**
 * SETTINGS_INVALID with one line per mistake; `detail` is the list.
 *
 * @param title the line above them
 */
export function settingsInvalid(
  mistakes: readonly SettingMistake[],
  title: string = mistakes.length === 1 ? 'a setting is wrong:' : `${mistakes.length} settings are wrong:`,
): Failure {
  const lines = mistakes.map(({ where, problem }) => `  ${where}: ${problem}`)
  return new Failure('SETTINGS_INVALID', [title, ...lines].join('\n'), { detail: mistakes })
}
