import { ValueMistake } from './value-mistake.ts'

/** A root that images are pushed to. */
export interface RootSetting {
  readonly name: string
  /** Name of the IPNS key it is published with; undefined: one of its own. */
  readonly key: string | undefined
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** Of a key in Kubo, or of a file. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** `NAME[=KEY]` @throws ValueMistake */
export function parseRoot(value: string): RootSetting {
  const at = value.indexOf('=')
  const name = at === -1 ? value : value.slice(0, at)
  const key = at === -1 ? undefined : value.slice(at + 1)
  if (!NAME.test(name)) {
    throw new ValueMistake(
      `has the root "${name}": a name has lower-case letters, digits and -, at most 63, neither first nor last a -`,
    )
  }
  if (name === 'private') {
    throw new ValueMistake(
      'has the root "private", which is the one that has no name and that nobody is shown',
    )
  }
  if (key !== undefined && !KEY.test(key)) {
    throw new ValueMistake(`has the key "${key}": a key's name has letters, digits, ., _ and -, at most 128`)
  }
  return { name, key }
}
