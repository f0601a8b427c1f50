import type { CID } from 'multiformats/cid'
import { LEAF_SIZE, LINKS_PER_NODE } from '../../content/unixfs/file-dag.ts'
import { Failure } from '../../errors.ts'

/** Every parameter that a CID depends on: the node's own settings and defaults must not matter. */
export const ADD_PARAMETERS = {
  'cid-version': '1',
  hash: 'sha2-256',
  'raw-leaves': 'true',
  chunker: `size-${LEAF_SIZE}`,
  'max-file-links': String(LINKS_PER_NODE),
  trickle: 'false',
  inline: 'false',
  'preserve-mode': 'false',
  'preserve-mtime': 'false',
  pin: 'false',
  'wrap-with-directory': 'false',
  quieter: 'true',
  progress: 'false',
  // the network is told of the root once all is there, not of every file
  'fast-provide-root': 'false',
  'fast-provide-dag': 'false',
  'fast-provide-wait': 'false',
}

/** Kubo has made something else of a file than what it is. */
export function differentFile(answered: unknown, cid: CID): Failure {
  const made = typeof answered === 'string' ? `made ${answered}` : 'said nothing'
  const advice = 'it may be too old to know max-file-links: Kubo 0.34 or newer does'
  return new Failure('CONTENT_UNAVAILABLE', `Kubo ${made} of a file that is ${cid.toString()}: ${advice}`)
}
