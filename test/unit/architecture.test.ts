import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { readSourceTree } from '../fixtures/source-tree.ts'
import type { SourceFile } from '../fixtures/source-tree.ts'

/**
 * What each part of src/ may import, besides itself. A part is a folder or a file; a file belongs to the part with the
 * longest path. Who needs an edge that is not here has mostly put something in the wrong place.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  reference: ['errors.ts'],
  verify: ['errors.ts'],
  layout: ['errors.ts', 'reference'],

  // What knows nothing of images.
  // Globs over names mean the same in settings as elsewhere.
  config: ['errors.ts', 'reference'],
  observability: ['errors.ts'],
  http: ['errors.ts', 'reference'],

  // Where bytes come from: the interface, what they have in common, and one folder for each kind of source.
  content: ['errors.ts', 'reference'],
  'content/unixfs': ['errors.ts', 'content', 'verify'],
  // Blocks whatever they are part of: what is held, what links to what, which of them an answer has.
  'content/dag': ['errors.ts', 'reference', 'content', 'content/unixfs', 'verify'],
  'content/car': ['errors.ts', 'content', 'content/unixfs', 'verify'],
  'content/transport': ['errors.ts', 'content'],
  'content/gateway': [
    'errors.ts',
    'reference',
    'content',
    'content/car',
    'content/dag',
    'content/transport',
    'content/unixfs',
    'verify',
  ],
  'content/kubo': [
    'errors.ts',
    'reference',
    'content',
    'content/gateway',
    'content/transport',
    'content/unixfs',
    'verify',
  ],
  'content/trusted-gateway': [
    'errors.ts',
    'content',
    'content/gateway',
    'content/transport',
    'content/unixfs',
  ],
  cache: ['errors.ts', 'reference', 'content', 'verify'],
  'content/embedded': [
    'errors.ts',
    'reference',
    'cache',
    'content',
    'content/car',
    'content/dag',
    'content/unixfs',
    'verify',
    // The interfaces of what can be published to and imported into, which the embedded store is.
    'publish',
    'import',
  ],

  naming: ['errors.ts', 'reference', 'content', 'content/transport'],
  publish: ['errors.ts', 'reference', 'layout', 'content', 'content/unixfs'],
  import: ['errors.ts', 'content/car', 'naming', 'publish'],
  // Roots that images are pushed to: what is in them, how they change, where they are kept.
  roots: ['errors.ts', 'reference', 'layout', 'content', 'content/unixfs', 'publish'],
  'roots/embedded': [
    'errors.ts',
    'reference',
    'cache',
    'content/embedded',
    'content/dag',
    'content/unixfs',
    // CIDs that carry their content in themselves.
    'verify',
    'publish',
    'roots',
  ],
  'roots/kubo': [
    'errors.ts',
    'reference',
    'layout',
    'content',
    'content/unixfs',
    'content/transport',
    // Blocks that come from a node are held to their CIDs.
    'verify',
    'publish',
    'roots',
  ],
  // Their IPNS names, which follow them: published, and resolved by what the roots are here.
  'roots/names': ['errors.ts', 'reference', 'content', 'naming', 'roots'],
  // Keys and records of a Kubo, over its RPC as it is published through.
  'roots/names/kubo': ['errors.ts', 'naming', 'publish', 'roots/names'],
  // Keys of our own, whose records are kept where fetched ones are, and put to routers over HTTP.
  'roots/names/embedded': ['errors.ts', 'reference', 'content/transport', 'naming', 'roots/names'],
  // Another registry, read over its protocol.
  upstream: [
    'errors.ts',
    'reference',
    'layout',
    'content',
    'content/transport',
    // Tokens and credentials are fetched once for all who wait for them.
    'cache',
  ],
  // Which ordinary names live on IPFS: a file that a person writes, whose mistakes are told as those of the settings are.
  mapping: ['errors.ts', 'reference', 'config'],
  repository: [
    'errors.ts',
    'reference',
    'layout',
    'content',
    'naming',
    'cache',
    'upstream',
    'mapping',
    'publish',
    'roots',
    'follow',
  ],
  // Roots of others that are kept here as well.
  follow: ['errors.ts', 'reference', 'content', 'naming', 'roots'],
  registry: ['errors.ts', 'reference', 'layout', 'repository', 'roots', 'http'],
  // What is told of pushes: the events are the registry's, and they are sent as requests of other parts are.
  events: ['errors.ts', 'content', 'content/transport', 'registry'],
  // Who may do what: the interface is the registry's, the mistakes in its files are told as those of the settings are.
  // Passwords are looked at in turn, once for all who show the same.
  auth: ['errors.ts', 'reference', 'config', 'content', 'cache', 'http', 'registry'],
  // The other protocol spoken here: what is held, as an IPFS gateway gives it.
  trustless: ['errors.ts', 'reference', 'http', 'content', 'content/car', 'content/dag'],
  export: ['errors.ts', 'reference', 'layout', 'repository', 'content', 'content/car', 'content/dag'],
  // Files of container runtimes, which know nothing of what a gateway is besides its address.
  runtimes: ['errors.ts'],
  cli: ['errors.ts', 'config', 'export', 'import', 'publish', 'repository', 'runtimes'],

  'app.ts': ['errors.ts', 'auth', 'http', 'registry', 'trustless'],
  // Build everything, so they may import everything.
  'wiring.ts': ['*'],
  wiring: ['*'],
  'main.ts': ['cli', 'wiring.ts'],
}

/** Parts that stand behind an interface. Only wiring.ts chooses among them, and what is named here builds on one. */
const IMPLEMENTATIONS: Readonly<Record<string, readonly string[]>> = {
  // What is pushed to the embedded store is read as what is published there.
  'content/embedded': ['roots/embedded'],
  'content/kubo': [],
  'content/trusted-gateway': [],
  'roots/embedded': [],
  'roots/kubo': [],
  'roots/names/kubo': [],
  'roots/names/embedded': [],
  // A Kubo's own gateway is a gateway, and reading a plain one is mostly the same.
  'content/gateway': ['content/kubo', 'content/trusted-gateway'],
}

/** Libraries that have one home, so that they can be exchanged there. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  winston: ['observability'],
  'prom-client': ['observability'],
  '@opentelemetry/api': ['observability'],
  zod: ['config', 'mapping'],
  yaml: ['config', 'mapping', 'auth', 'runtimes'],
  'smol-toml': ['runtimes'],
  '@node-rs/bcrypt': ['auth'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  'classic-level': ['cache'],
  picomatch: ['repository'],
  'tar-stream': ['publish', 'export'],
  'ipfs-unixfs-importer': ['publish'],
  express: ['http', 'registry', 'observability', 'app.ts', 'wiring.ts', 'wiring'],
}

const MAX_LINES = 300

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let files: SourceFile[]

beforeAll(async () => {
  files = await readSourceTree()
})

const PARTS = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length)

function partOf(path: string): string {
  const part = PARTS.find((one) => path === one || path.startsWith(`${one}/`))
  if (part === undefined)
    throw new Error(`src/${path} belongs to no part of the table in architecture.test.ts`)
  return part
}

/** `from → to` for each import from one part into another. */
function edges(): { from: string; to: string; text: string }[] {
  return files.flatMap((file) =>
    file.imports
      .map((target) => ({ from: partOf(file.path), to: partOf(target), text: `${file.path} → ${target}` }))
      .filter(({ from, to }) => from !== to),
  )
}

describe('imports', () => {
  test('go only where the table has an edge', () => {
    const forbidden = edges().filter(({ from, to }) => {
      const allowed = MAY_IMPORT[from] ?? []
      return !allowed.includes('*') && !allowed.includes(to)
    })
    expect(forbidden.map(({ text }) => text)).toEqual([])
  })

  test('make no cycle between parts', () => {
    const graph = new Map<string, Set<string>>()
    for (const { from, to } of edges()) graph.set(from, (graph.get(from) ?? new Set()).add(to))
    expect(findCycle(graph)).toBeUndefined()
    expect(
      findCycle(
        new Map([
          ['a', new Set(['b'])],
          ['b', new Set(['c'])],
          ['c', new Set(['b'])],
        ]),
      ),
    ).toEqual(['b', 'c', 'b'])
  })

  test('make no cycle between files, types aside', () => {
    const graph = new Map(files.map((file) => [file.path, new Set(file.valueImports)]))
    expect(findCycle(graph)).toBeUndefined()
  })

  test('of implementations are in wiring.ts alone', () => {
    const wrong = edges().filter(({ from, to }) => {
      const users = IMPLEMENTATIONS[to]
      return users !== undefined && !from.startsWith('wiring') && !users.includes(from)
    })
    expect(wrong.map(({ text }) => text)).toEqual([])
  })

  test('name existing files, with their extension', () => {
    const known = new Set(files.map(({ path }) => path))
    const broken = files.flatMap(({ path, imports }) =>
      imports.filter((target) => !known.has(target)).map((target) => `${path} → ${target}`),
    )
    expect(broken).toEqual([])
  })
})

describe('packages', () => {
  test('with a home are used only there', () => {
    const wrong = files.flatMap(({ path, packages }) =>
      packages
        .filter((name) => !(HOMES[packageOf(name)] ?? [partOf(path)]).includes(partOf(path)))
        .map((name) => `${path} → ${name}`),
    )
    expect(wrong).toEqual([])
  })

  test('have the names that are imported from them (Jest finds more in CommonJS packages than Node.js does)', async () => {
    const imports = [...new Set(files.flatMap(({ runtimeImports }) => runtimeImports))]
    expect(imports.length).toBeGreaterThan(20)
    // Names repeat, so each gets a number.
    const script = imports
      .map((text, index) => text.replace(/(\w+)(?=,| })/g, `$1 as $1_${index}`))
      .join('\n')
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: ROOT })
  })

  test('are dependencies, not what happens to be installed', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const wrong = files.flatMap(({ path, packages }) =>
      packages
        .filter((name) => !name.startsWith('node:') && !(packageOf(name) in manifest.dependencies))
        .map((name) => `${path} → ${name}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('files', () => {
  test(`have at most ${MAX_LINES} lines`, () => {
    expect(
      files.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines}`),
    ).toEqual([])
  })

  test('leave the process to main.ts', () => {
    expect(files.filter(({ touchesProcess }) => touchesProcess).map(({ path }) => path)).toEqual(['main.ts'])
  })

  test('leave the console alone', () => {
    expect(files.filter(({ touchesConsole }) => touchesConsole).map(({ path }) => path)).toEqual([])
  })

  test('have names that say what they are', () => {
    const vague = /(^|[/-])(utils?|helpers?|managers?|common|misc)(\.ts$|\/|-)|(^|\/)index\.ts$/
    expect(files.filter(({ path }) => vague.test(path)).map(({ path }) => path)).toEqual([])
  })
})

/** `@ipld/car` for `@ipld/car/buffer-reader`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
}

/** One cycle of a directed graph, its first node also its last. */
function findCycle(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>()
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    const at = path.indexOf(node)
    if (at !== -1) return [...path.slice(at), node]
    if (done.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node])
      if (cycle !== undefined) return cycle
    }
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const cycle = visit(node, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}
