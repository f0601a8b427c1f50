import { fileURLToPath, pathToFileURL } from 'node:url'
import { toAbsolute } from './absolute-path.ts'
import { ValueMistake } from './value-mistake.ts'

/** Where the mapping of names is: a file here, or one on IPFS. */
export type MapSetting =
  | { readonly kind: 'file'; readonly path: string }
  /** `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>` */
  | { readonly kind: 'ipfs'; readonly path: string }

/** @throws ValueMistake */
export function parseMap(text: string): MapSetting {
  if (/^file:/i.test(text)) return { kind: 'file', path: pathOfUrl(text) }
  if (!/^\/ip[fn]s(?:\/|$)/.test(text)) return { kind: 'file', path: toAbsolute(text) }
  const path = text.replace(/\/+$/, '')
  if (!/^\/ip[fn]s(?:\/[^/]+)+$/.test(path))
    throw new ValueMistake('must be a file, or a path on IPFS as /ipns/images.example.org/map.yaml')
  return { kind: 'ipfs', path }
}

function pathOfUrl(text: string): string {
  try {
    return fileURLToPath(text)
  } catch {
    throw new ValueMistake('must be the URL of a file of this machine, as file:///ipfs/map.yaml')
  }
}

/** What {@link parseMap} takes. */
export function formatMap({ kind, path }: MapSetting): string {
  return kind === 'file' && /^\/ip[fn]s(?:\/|$)/.test(path) ? pathToFileURL(path).href : path
}
