import { DEFAULT_HOSTS, readContainerdConfig, withConfigPath } from './containerd-config.ts'
import { withHost } from './hosts-toml.ts'
import { unmarked } from './marked-blocks.ts'
import type { MirroredRegistry } from './mirror.ts'
import { isChange } from './runtime.ts'
import type { FileChange, FileReader, Runtime } from './runtime.ts'
import { parseToml, tableAt } from './toml-text.ts'
import { unchanged } from './unchanged.ts'
import { withoutOurs } from './without-ours.ts'

const CONFIG = '/etc/containerd/config.toml'
/** Read besides the configuration where that imports it, as it does by default since containerd 2.2. */
const DROP_INS = '/etc/containerd/conf.d'
const DROP_IN = `${DROP_INS}/50-ipfs-registry.toml`
const RESTART = 'systemctl restart containerd'

/**
 * containerd, nerdctl and the CRI: a `hosts.toml` for each registry, and `config_path`, by which they are found. From
 * version 3 on that comes from a file of its own where such files are read; before, containerd takes an imported section
 * for the whole section.
 */
export const containerd: Runtime = {
  async add(files, { gateway, registries }) {
    const { folder, change, notes } = await configPath(files)
    const earlier = (await withoutOurs(files, [CONFIG, DROP_IN])).filter(({ path }) => path !== change?.path)
    const changes = [...(change === undefined ? [] : [change]), ...earlier]
    const hosts = []
    for (const registry of registries) hosts.push(await hostsFile(files, folder, registry, gateway, notes))
    const others = (await files.list(folder)).filter((name) => registries.every((one) => one.name !== name))
    hosts.push(...(await withoutHosts(files, folder, others)))
    notes.push(`ctr reads these files only when told: ctr image pull --hosts-dir ${folder} …`)
    return { changes: [...hosts, ...changes], notes, reload: changes.some(isChange) ? RESTART : undefined }
  },

  async remove(files) {
    const folder = (await configPath(files)).folder
    const configs = await withoutOurs(files, [CONFIG, DROP_IN])
    const hosts = await withoutHosts(files, folder, await files.list(folder))
    return {
      changes: [...configs, ...hosts],
      notes: [],
      reload: configs.length > 0 ? RESTART : undefined,
    }
  },
}

async function withoutHosts(
  files: FileReader,
  folder: string,
  names: readonly string[],
): Promise<FileChange[]> {
  const paths = names.map((name) => `${folder}/${name}/hosts.toml`)
  return (await withoutOurs(files, paths)).map((change) => ({ ...change, withFolder: true }))
}

interface ConfigPath {
  readonly folder: string
  /** What sets it; undefined where it is set. */
  readonly change: FileChange | undefined
  readonly notes: string[]
}

async function configPath(files: FileReader): Promise<ConfigPath> {
  const before = await files.read(CONFIG)
  const own = before === undefined ? undefined : unmarked(CONFIG, before)
  const config = readContainerdConfig(CONFIG, own ?? '')
  const notes: string[] = []
  if (config.isCriDisabled) {
    notes.push(
      `${CONFIG} disables the CRI plugin: Kubernetes does not pull by this containerd, nerdctl reads these files`,
    )
    return { folder: DEFAULT_HOSTS, change: undefined, notes }
  }
  const dropIns = (await files.list(DROP_INS))
    .map((name) => `${DROP_INS}/${name}`)
    .filter((path) => path.endsWith('.toml') && path !== DROP_IN)
  const imported = own === undefined ? dropIns.length > 0 : importsDropIns(config.imports)
  let { folders } = config
  for (const path of imported ? dropIns : []) {
    const set = readContainerdConfig(path, (await files.read(path)) ?? '').folders
    if (set.length > 0) folders = set
  }
  const [first = DEFAULT_HOSTS, ...more] = folders
  if (folders.length > 0 && !(await canBeFirst(files, more))) {
    if (more.length > 0) {
      notes.push(
        `config_path has several folders; releases of containerd 2 read none of them then: leave only ${first} there`,
      )
    }
    return { folder: first, change: undefined, notes }
  }
  const usesDropIn = imported && (own === undefined || config.version >= 3)
  if (usesDropIn) return { folder: first, change: await dropIn(files, first, config.version), notes }
  if (config.imports.length > 0) {
    notes.push(
      `${CONFIG} imports files: see by "containerd config dump" that none of them sets the CRI plugin`,
    )
  }
  // containerd 2 still reads version 2, containerd 1 nothing later.
  const after = withConfigPath(CONFIG, own, first, own === undefined ? 2 : config.version)
  return { folder: first, change: { path: CONFIG, before, after, own }, notes }
}

/** Whether a list of folders is to be cut down to its first one: the others have nothing in them. */
async function canBeFirst(files: FileReader, others: readonly string[]): Promise<boolean> {
  if (others.length === 0) return false
  const contents = await Promise.all(others.map((folder) => files.list(folder)))
  return contents.every((names) => names.length === 0)
}

function importsDropIns(imports: readonly string[]): boolean {
  return imports.some((pattern) => pattern === `${DROP_INS}/*.toml` || pattern === 'conf.d/*.toml')
}

async function dropIn(files: FileReader, folder: string, version: number): Promise<FileChange> {
  const before = await files.read(DROP_IN)
  const own = before === undefined ? undefined : unmarked(DROP_IN, before)
  const after = withConfigPath(DROP_IN, own, folder, Math.max(version, 3))
  return { path: DROP_IN, before, after, own }
}

async function hostsFile(
  files: FileReader,
  folder: string,
  { name }: MirroredRegistry,
  gateway: string,
  notes: string[],
): Promise<FileChange> {
  const path = `${folder}/${name}/hosts.toml`
  const before = await files.read(path)
  const own = before === undefined ? undefined : unmarked(path, before)
  if (own === undefined) {
    const certificates = (await files.list(`${folder}/${name}`)).filter((one) =>
      /\.(crt|cert|key)$/.test(one),
    )
    if (certificates.length > 0) {
      throw unchanged(
        path,
        `would take the place of ${certificates.join(', ')} beside it: write it by hand, with "ca" and "client"`,
      )
    }
    const standard = await files.read(`${folder}/_default/hosts.toml`)
    if (standard !== undefined && tableAt(parseToml(`${folder}/_default/hosts.toml`, standard), ['host'])) {
      notes.push(
        `the mirrors of ${folder}/_default are asked for ${name} no longer: it has a file of its own`,
      )
    }
  }
  return { path, before, after: withHost(path, own, name, gateway), own }
}
