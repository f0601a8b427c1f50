import { isDeepStrictEqual } from 'node:util'
import { parseJson, withChild, withoutChild } from './json-text.ts'
import type { JsonNode } from './json-text.ts'
import { hostOf, isPlain } from './mirror.ts'
import type { Mirror } from './mirror.ts'
import type { FileReader, Runtime, RuntimePlan } from './runtime.ts'
import { unchanged } from './unchanged.ts'

const CONFIG = '/etc/docker/daemon.json'
/** JSON has no comments, and dockerd takes no keys that it does not know: what was added stands in a file beside it. */
const RECORD = `${CONFIG}.ipfs-registry`
const RELOAD = 'systemctl reload docker'

const MIRRORS = 'registry-mirrors'
const INSECURE = 'insecure-registries'
const LISTS = [MIRRORS, INSECURE] as const
type Lists = Partial<Record<(typeof LISTS)[number], readonly string[]>>

/** What was added to the configuration. */
interface Added extends Lists {
  /** Whether there was no such file. */
  readonly file?: true
  /** Those of the lists that were there before, with or without something in them. */
  readonly there?: readonly string[]
}

/** dockerd, whose mirrors are those of Docker Hub alone and take up no other registry. */
export const docker: Runtime = {
  async add(files, mirror) {
    const { before, record, own } = await current(files)
    const wanted = wantedOf(mirror)
    const added: Added = own === undefined ? { file: true, ...wanted } : missing(own, wanted)
    const after = own === undefined ? textOf(wanted) : withAll(own, added)
    const isAdded = LISTS.some((key) => added[key] !== undefined)
    const recordAfter = isAdded ? textOf(added) : undefined
    return {
      changes: [
        { path: RECORD, before: record, after: recordAfter, own: undefined, isRecord: true },
        { path: CONFIG, before, after, own },
      ],
      notes: notesOf(mirror),
      reload: before === after ? undefined : RELOAD,
    }
  },

  async remove(files): Promise<RuntimePlan> {
    const { before, record, own } = await current(files)
    if (record === undefined) return { changes: [], notes: [], reload: undefined }
    return {
      changes: [
        { path: CONFIG, before, after: own, own },
        { path: RECORD, before: record, after: undefined, own: undefined, isRecord: true },
      ],
      notes: [],
      reload: before === own ? undefined : RELOAD,
    }
  },
}

interface Current {
  readonly before: string | undefined
  readonly record: string | undefined
  /** Without what was added; undefined where there is nothing else. */
  readonly own: string | undefined
}

async function current(files: FileReader): Promise<Current> {
  const [before, record] = [await files.read(CONFIG), await files.read(RECORD)]
  if (before === undefined) return { before, record, own: undefined }
  objectOf(before)
  const added = record === undefined ? {} : (objectOf(record, RECORD).value as Added)
  const own = withoutAll(before, added)
  const isEmpty = objectOf(own).children?.length === 0
  return { before, record, own: added.file === true && isEmpty ? undefined : own }
}

function objectOf(text: string, path = CONFIG): JsonNode {
  const root = parseJson(path, text)
  if (!text.slice(root.start).startsWith('{')) throw unchanged(path, 'is no object of JSON', 1)
  return root
}

function wantedOf({ gateway, isLocal, registries }: Mirror): Lists {
  const hub = registries.find(({ name }) => name === 'docker.io')
  if (hub === undefined) {
    throw unchanged(
      CONFIG,
      'the mirrors of docker are those of docker.io alone, which is none of the upstreams; other registries are pulled by ' +
        `name: ${hostOf(gateway)}/${registries[0]?.prefix ?? 'ghcr.io'}/…`,
    )
  }
  if (hub.listener === undefined && !hub.isDefault) {
    throw unchanged(
      CONFIG,
      'docker does not say that it means docker.io, which is not the default upstream: give the gateway a listener for ' +
        'it, --mirror 127.0.0.1:5002=docker.io',
    )
  }
  // dockerd takes plain HTTP from its own machine without being told.
  return {
    [MIRRORS]: [hub.listener ?? gateway],
    ...(isPlain(gateway) && !isLocal ? { [INSECURE]: [hostOf(gateway)] } : {}),
  }
}

function notesOf({ gateway, registries }: Mirror): string[] {
  const others = registries.filter(({ name }) => name !== 'docker.io')
  const [one] = others
  return one === undefined
    ? []
    : [
        `docker has mirrors for docker.io alone; pull ${others.map(({ name }) => name).join(', ')} by name: ` +
          `${hostOf(gateway)}/${one.prefix ?? one.name}/…`,
      ]
}

/** Those that the configuration does not have. */
function missing(own: string, wanted: Lists): Added {
  const has = objectOf(own).value as Record<string, unknown>
  const lacking = LISTS.flatMap((key) => {
    const there = has[key] ?? []
    if (!Array.isArray(there)) throw unchanged(CONFIG, `"${key}" is no list`)
    const known = there.map((one) => String(one).replace(/\/$/, ''))
    const values = (wanted[key] ?? []).filter((one) => !known.includes(one))
    return values.length === 0 ? [] : [[key, values]]
  })
  return { ...(Object.fromEntries(lacking) as Lists), there: LISTS.filter((key) => has[key] !== undefined) }
}

function withAll(own: string, added: Added): string {
  let text = own
  for (const key of LISTS) {
    for (const one of added[key] ?? []) {
      const root = objectOf(text)
      const list = root.children?.findLast((child) => child.key === key)?.node
      text =
        list?.children === undefined
          ? withChild(text, root, `${JSON.stringify(key)}: [${JSON.stringify(one)}]`)
          : withChild(text, list, JSON.stringify(one))
    }
  }
  const back = withoutAll(text, added)
  if (!isDeepStrictEqual(parseJson(CONFIG, back).value, parseJson(CONFIG, own).value)) {
    throw unchanged(CONFIG, `has "${MIRRORS}" in a form that can't be added to`)
  }
  return text
}

/** Lists that have nothing left go as well, unless they were there before. */
function withoutAll(before: string, added: Added): string {
  let text = before
  for (const key of LISTS.toReversed()) {
    for (const one of (added[key] ?? []).toReversed()) {
      const root = objectOf(text)
      const member = root.children?.findLast((child) => child.key === key)
      const item = member?.node.children?.find(({ node }) => node.value === one)
      if (member === undefined || item === undefined) continue
      const goes = member.node.children?.length === 1 && added.there?.includes(key) !== true
      text = goes ? withoutChild(text, root, member) : withoutChild(text, member.node, item)
    }
  }
  return text
}

function textOf(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
