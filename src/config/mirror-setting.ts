import { parseAddress } from './address.ts'
import type { Address } from './address.ts'
import { splitAtEquals } from './options.ts'
import { ValueMistake } from './value-mistake.ts'

/** A listener that is the mirror of one registry, for runtimes that do not say which one they mean. */
export interface MirrorSetting {
  readonly address: Address
  /** Name of the upstream. */
  readonly upstream: string
}

/** `HOST:PORT=NAME` @throws ValueMistake */
export function parseMirror(text: string): MirrorSetting {
  const [listen, name = ''] = splitAtEquals(text)
  const address = parseAddress(listen.trim())
  const upstream = name.trim()
  if (address === undefined || upstream === '')
    throw new ValueMistake('must be HOST:PORT=NAME, as 127.0.0.1:5002=docker.io')
  return { address, upstream }
}
