import { Failure } from '../errors.ts'

/** One component of a repository name (distribution-spec, "Pulling manifests"). */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/

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
  const form =
    'lower-case letters and digits, with single ".", "_" or "-" between, and "/" between components'
  throw new Failure(
    'NAME_INVALID',
    `"${name.slice(0, 200)}" can't be the name of an image: it may have ${form}`,
  )
}
