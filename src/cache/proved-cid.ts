import type { CID } from 'multiformats/cid'
import type { OpenedFile } from '../content/source.ts'

/** The file that all of these were, where blocks have proved it of every byte. To be asked when they have been read. */
export function provedCid(files: readonly OpenedFile[]): CID | undefined {
  const cid = files[0]?.cid
  const isSame = (file: OpenedFile): boolean => file.proof === 'blocks' && file.cid?.equals(cid) === true
  return files.every(isSame) ? cid : undefined
}
