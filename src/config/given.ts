import type { Origin } from './config.ts'
import type { SettingMistake } from './mistakes.ts'
import type { SettingName } from './settings.ts'

/** What one place says of one setting, not yet judged. */
export interface GivenSetting {
  readonly origin: Origin
  /** Text, or an object of the file (a source with its options); several for a repeatable setting. */
  readonly raw: readonly unknown[]
}

/** What one place says of all settings. */
export interface GivenSettings {
  readonly settings: ReadonlyMap<SettingName, GivenSetting>
  readonly mistakes: readonly SettingMistake[]
}
