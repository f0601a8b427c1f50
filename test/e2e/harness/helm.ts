import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { attempt, run } from './child.ts'
import type { RunResult } from './child.ts'
import { repositoryFolder } from './tools.ts'

export const CHART = join(repositoryFolder, 'deploy/helm/ipfs-registry-gateway')

/** What `helm` is to take for the cluster; one that is not built by its makers believes in a very old one. */
const VERSION = ['--kube-version', '1.36.0']

/** Values as a person would write them into a file. */
export type Values = Readonly<Record<string, unknown>>

/** An object of Kubernetes, as far as tests look at it. */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as many shapes as there are kinds
  readonly spec?: any
}

export interface Container {
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
}

export interface Pod {
  readonly containers: readonly [Container]
  readonly volumes: readonly {
    readonly name: string
    readonly configMap?: { readonly name: string }
    readonly secret?: { readonly secretName: string }
  }[]
}

/** `helm lint` or `template` with values; it may fail. */
export function helm(command: 'lint' | 'template', values: Values): Promise<RunResult> {
  return attempt('helm', args(command), { input: JSON.stringify(values) })
}

/** The text that `helm template` makes of values; it must succeed. */
export function renderText(values: Values): Promise<string> {
  return run('helm', args('template'), { input: JSON.stringify(values) })
}

/** As {@link renderText}, read. */
export async function render(values: Values): Promise<KubernetesObject[]> {
  const text = await renderText(values)
  return parseAllDocuments(text).flatMap((document) => {
    if ('empty' in document || document.errors.length > 0) throw new Error(`no YAML:\n${text}`)
    return document.contents === null ? [] : [document.toJS() as KubernetesObject]
  })
}

function args(command: 'lint' | 'template'): string[] {
  const release = command === 'template' ? ['registry'] : []
  return [command, ...release, CHART, '--namespace', 'images', ...VERSION, '--values', '-']
}

export function objectOf(objects: readonly KubernetesObject[], kind: string, suffix = ''): KubernetesObject {
  const name = `registry-ipfs-registry-gateway${suffix}`
  const found = objects.find((one) => one.kind === kind && one.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

/**
 * The pod's volumes as folders below `folder`, as its container would have them.
 *
 * @param secrets files of each Secret, by its name
 * @returns `text`, with the paths of the container replaced by those of the folders
 */
export async function mountVolumes(
  folder: string,
  objects: readonly KubernetesObject[],
  pod: Pod,
  secrets: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<(text: string) => string> {
  const [container] = pod.containers
  // The longest first: one may be within another.
  const paths = container.volumeMounts.map(({ mountPath }) => mountPath).sort((a, b) => b.length - a.length)
  const mounted = new RegExp(`(?<=^|[\\s=])(?:${paths.join('|')})(?=/|$)`, 'gm')
  const inside = (text: string): string => text.replace(mounted, (path) => join(folder, path))
  for (const { name, mountPath } of container.volumeMounts) {
    const volume = pod.volumes.find((one) => one.name === name)
    const map = objects.find(
      (one) => one.kind === 'ConfigMap' && one.metadata.name === volume?.configMap?.name,
    )
    const files = map?.data ?? secrets[volume?.secret?.secretName ?? ''] ?? {}
    // As the kubelet does it, so that all files of a volume change at once: links to a link to a folder.
    const volumeFolder = join(folder, mountPath)
    await mkdir(join(volumeFolder, '..first'), { recursive: true })
    await symlink('..first', join(volumeFolder, '..data'))
    for (const [file, text] of Object.entries(files)) {
      await writeFile(join(volumeFolder, '..first', file), map === undefined ? text : inside(text))
      await symlink(join('..data', file), join(volumeFolder, file))
    }
  }
  return inside
}
