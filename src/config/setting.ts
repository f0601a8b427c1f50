import type { z } from 'zod'

/** Headings of the documentation and of `--help`, in this order. */
export const GROUPS = [
  'Listening',
  'Content',
  'Store',
  'Names',
  'Upstreams',
  'Pushing',
  'Events',
  'Access',
  'Time-outs',
  'Limits',
  'Logs',
  'Running',
] as const
export type SettingGroup = (typeof GROUPS)[number]

/** One row of the table of settings. */
export interface Setting {
  readonly group: SettingGroup
  /** Turns text into the value; its output type is the type of the setting. */
  readonly schema: z.ZodType
  /** What stands for the value in `--help`; undefined for a setting that is true or false. */
  readonly placeholder?: string
  /** In the spelling of the flag; undefined: no value unless one is given. */
  readonly default?: string
  /** For a default that depends on the machine: what the documentation says instead. */
  readonly defaultText?: string
  /** Given several times, comma-separated in the environment, a list in YAML. */
  readonly repeatable?: true
  /** A value as messages may have it, for one that may hold a secret anywhere in it. */
  readonly shown?: (text: string) => string
  /** One line. */
  readonly help: string
}
