import { homedir } from 'node:os'
import { resolve } from 'node:path'

/** An absolute path; `~/` is the home folder, and what is relative is so to the working directory. */
export function toAbsolute(path: string): string {
  return resolve(path.replace(/^~(?=$|\/)/, homedir()))
}
