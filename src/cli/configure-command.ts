import { resolve } from 'node:path'
import { lineChanges } from '../runtimes/line-changes.ts'
import { isChange } from '../runtimes/runtime.ts'
import type { FileChange, RuntimePlan } from '../runtimes/runtime.ts'
import { RUNTIMES } from '../runtimes/runtimes.ts'
import type { RuntimeName } from '../runtimes/runtimes.ts'
import { SystemFiles } from '../runtimes/system-files.ts'
import { printable } from './columns.ts'
import { configuredMirror } from './configured-mirror.ts'
import { EXIT, WrongUse } from './command-context.ts'
import type { CommandContext, ExitCode } from './command-context.ts'

export interface ConfigureOptions {
  readonly gateway?: string
  readonly write?: true
  readonly remove?: true
  readonly dryRun?: true
  readonly systemRoot: string
}

/** Shows or makes what a container runtime needs to use this gateway as a mirror, or takes it away. */
export async function configureCommand(
  context: CommandContext,
  name: RuntimeName,
  options: ConfigureOptions,
): Promise<ExitCode> {
  const { config, json, print } = context
  if (options.write === true && options.remove === true) {
    throw new WrongUse('--write and --remove are two things: choose one')
  }
  const files = new SystemFiles(resolve(options.systemRoot))
  const runtime = RUNTIMES[name]
  const plan =
    options.remove === true
      ? await runtime.remove(files)
      : await runtime.add(files, configuredMirror(config, options.gateway))
  const writes = (options.write === true || options.remove === true) && options.dryRun !== true
  const done: Done[] = []
  for (const change of plan.changes) {
    context.terminal.signal.throwIfAborted()
    const { kept } = writes ? await files.write(change) : { kept: undefined }
    done.push({ change, path: files.pathOf(change.path), kept })
  }
  if (json) print(JSON.stringify(asJson(plan, done, writes)))
  else for (const line of describe(plan, done, writes, options.remove === true)) print(line)
  return EXIT.done
}

interface Done {
  readonly change: FileChange
  /** As this program sees it. */
  readonly path: string
  readonly kept: string | undefined
}

function describe(plan: RuntimePlan, done: readonly Done[], writes: boolean, removes: boolean): string[] {
  const changes = done.some(({ change }) => isChange(change))
  if (done.length === 0) return ['nothing of this gateway is there']
  const lines = done.flatMap((one) => (writes ? written(one) : shown(one)))
  const reload = changes && plan.reload !== undefined ? [`then: ${plan.reload}`] : []
  const next =
    writes || !changes ? [] : [`nothing was changed; ${removes ? 'without --dry-run' : '--write'} does it`]
  return [...lines, ...plan.notes.map((note) => `note: ${note}`), ...reload, ...next].map(printable)
}

function written({ change, path, kept }: Done): string[] {
  if (!isChange(change)) return [`${path}: is right already`]
  const what = change.after === undefined ? 'removed' : change.before === undefined ? 'written' : 'changed'
  return [`${path}: ${what}${kept === undefined ? '' : `; as it was: ${kept}`}`]
}

/** A new file as it would be, of others the lines that would come and go: they may hold secrets. */
function shown({ change, path }: Done): string[] {
  const { before, after } = change
  if (change.isRecord === true) return []
  if (!isChange(change)) return [`## ${path}: is right already`, '']
  if (after === undefined) return [`## ${path}: would go`, '']
  if (before === undefined) return [`## ${path}: would be new`, ...after.trimEnd().split('\n'), '']
  const [from, to] = [before, after].map((text) => text.split(/\r?\n/)) as [string[], string[]]
  const lines = lineChanges(from, to).flatMap(({ at, removed, added }) => [
    `@ line ${at + 1}`,
    ...removed.map((line) => `- ${line}`),
    ...added.map((line) => `+ ${line}`),
  ])
  return [`## ${path}: would be changed`, ...lines, '']
}

function asJson({ notes, reload }: RuntimePlan, done: readonly Done[], writes: boolean): unknown {
  const files = done.map(({ change, path, kept }) => ({
    path,
    change: !isChange(change)
      ? 'none'
      : change.after === undefined
        ? 'remove'
        : change.before === undefined
          ? 'create'
          : 'change',
    ...(change.before === undefined && change.after !== undefined ? { text: change.after } : {}),
    ...(kept === undefined ? {} : { kept }),
  }))
  return { written: writes, files, notes, ...(reload === undefined ? {} : { reload }) }
}
