import { Failure } from '../../errors.ts'

/**
 * The path of an archive's entry, without `.` and repeated slashes; '' for the root.
 *
 * @throws Failure LAYOUT_INVALID for a path that leads out of the archive
 */
export function entryPath(name: string): string {
  if (name.startsWith('/')) throw outside(name)
  const names = name.split('/').filter((part) => part !== '' && part !== '.')
  if (names.includes('..')) throw outside(name)
  return names.join('/')
}

/**
 * Where a link in an archive leads.
 *
 * @param folder that a relative target starts from
 * @throws Failure LAYOUT_INVALID when it leads out of the archive
 */
export function linkTarget(folder: string, target: string): string {
  if (target.startsWith('/')) throw outside(target)
  const names: string[] = []
  for (const part of `${folder}/${target}`.split('/')) {
    if (part === '..') {
      if (names.pop() === undefined) throw outside(target)
    } else if (part !== '' && part !== '.') {
      names.push(part)
    }
  }
  return names.join('/')
}

function outside(name: string): Failure {
  return new Failure(
    'LAYOUT_INVALID',
    `the archive holds the path "${name.slice(0, 200)}", which leads out of it`,
  )
}
