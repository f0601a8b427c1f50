import { Failure } from '../errors.ts'

/** One component of a repository name (distribution-spec, "Pulling manifests"). */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const FORM = 'lower-case letters and digits, with single ".", "_" or "-" between'

/** Whether a client can ask for a repository with this path component. */
export function isNameComponent(text: string): boolean {
  return COMPONENT.test(text)
}

/**
 * The folder that `--name` asks for.
 *
 * @throws Failure NAME_INVALID for a name that no client could ask for
 */
export function folderForName(name: string): string {
  if (name.length <= 200 && name.split('/').every(isNameComponent)) return name
  throw new Failure(
    'NAME_INVALID',
    `"${name.slice(0, 200)}" can't be the name of an image: it may have ${FORM}, and "/" between components`,
  )
}

/**
 * A layout's path becomes part of the name that it is pulled by.
 *
 * @param label how people call it
 * @throws Failure LAYOUT_INVALID for a path that no client could ask for
 */
export function checkLayoutPath(path: string, label: string): void {
  const wrong = path === '' ? undefined : path.split('/').find((part) => !isNameComponent(part))
  if (wrong === undefined) return
  throw new Failure(
    'LAYOUT_INVALID',
    `${label} could not be pulled: "${wrong.slice(0, 100)}" can't be part of an image's name, which may have ${FORM}. ` +
      'Rename the folder',
  )
}
