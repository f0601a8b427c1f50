import { z } from 'zod'
import { SETTING_NAMES, settingOf } from './settings.ts'
import type { Setting } from './setting.ts'

/** A JSON Schema (json-schema.org), as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What values look like, by what stands for them in `--help`. How large they may be is judged at the start. */
const BY_PLACEHOLDER: Readonly<Record<string, JsonSchema>> = {
  // A duration without a unit has no meaning, but for none at all.
  DURATION: {
    type: ['string', 'integer'],
    pattern: '^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$',
    minimum: 0,
    maximum: 0,
  },
  SIZE: {
    type: ['string', 'integer'],
    pattern: '^[0-9]+(\\.[0-9]+)?\\s*([KkMmGgTt][Ii]?)?[Bb]?$',
    minimum: 0,
  },
  N: { type: 'integer', minimum: 0 },
  'HOST:PORT': { type: 'string', pattern: '^(.*:[0-9]{1,5}|[Oo][Ff][Ff])$' },
}

/** The JSON Schema of a settings file, for those who write or check one with other tools. */
export function settingsSchema(): JsonSchema {
  const properties = SETTING_NAMES.map((name) => [name, settingSchema(settingOf(name))])
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) }
}

function settingSchema(setting: Setting): JsonSchema {
  const { help: description, repeatable } = setting
  const value = valueSchema(setting)
  return repeatable === true ? { description, type: 'array', items: value } : { description, ...value }
}

function valueSchema({ placeholder, schema }: Setting): JsonSchema {
  if (placeholder === undefined) return { type: 'boolean' }
  if (/^[a-z]+(\|[a-z]+)*$/.test(placeholder)) return { enum: placeholder.split('|') }
  const known = BY_PLACEHOLDER[placeholder]
  if (known !== undefined) return known
  // With options, which may be an object of their own.
  if (schema instanceof z.ZodUnion) return { type: ['string', 'object'], minLength: 1 }
  return { type: 'string', minLength: 1 }
}
