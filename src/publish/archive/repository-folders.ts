import { isNameComponent } from '../layout-name.ts'

/**
 * A folder for each repository that an archive names: the last part of its name where that is unique among them, as
 * much more of it as is needed where it is not.
 *
 * @param repositories full names, such as `docker.io/library/alpine`
 * @returns repository → folder that a client can ask for
 */
export function repositoryFolders(repositories: Iterable<string>): Map<string, string> {
  const names = new Map([...new Set(repositories)].map((name) => [name, name.split('/').map(component)]))
  const uses = new Map<string, number>()
  for (const parts of names.values()) {
    for (let length = 1; length <= parts.length; length++) {
      const ending = parts.slice(-length).join('/')
      uses.set(ending, (uses.get(ending) ?? 0) + 1)
    }
  }
  const folders = new Map<string, string>()
  for (const [repository, parts] of names) {
    const endings = parts.map((_, at) => parts.slice(parts.length - 1 - at).join('/'))
    folders.set(repository, endings.find((ending) => uses.get(ending) === 1) ?? parts.join('/'))
  }
  return folders
}

/** A host with a port, or whatever else a producer wrote, becomes something that can stand in a name. */
function component(text: string): string {
  if (isNameComponent(text)) return text
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return plain === '' ? 'image' : plain
}
