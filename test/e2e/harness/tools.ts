import { describe, test } from '@jest/globals'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this checkout. */
export const repositoryFolder = fileURLToPath(new URL('../../../', import.meta.url))

const found = new Map<string, string | undefined>()

/** Where a program is: in .cache/tools/bin, where scripts/install-tools.mjs puts it, or on the path. */
export function toolPath(name: string): string | undefined {
  if (!found.has(name)) {
    const folders = [
      join(repositoryFolder, '.cache/tools/bin'),
      ...(process.env['PATH'] ?? '').split(':'),
      '/usr/sbin',
      '/sbin',
    ]
    found.set(
      name,
      folders.map((folder) => join(folder, name)).find((path) => executable(path)),
    )
  }
  return found.get(name)
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * A `describe` that needs programs: where one is missing it is skipped visibly, in CI it fails.
 * `node scripts/install-tools.mjs` installs them.
 */
export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = programs.filter((program) => toolPath(program) === undefined)
  if (missing.length === 0) {
    describe(name, body)
  } else if (process.env['CI']) {
    test(`${name}: needs ${missing.join(', ')}`, () => {
      throw new Error(`missing programs: ${missing.join(', ')}; run scripts/install-tools.mjs`)
    })
  } else {
    describe.skip(`${name} (missing: ${missing.join(', ')})`, body)
  }
}
