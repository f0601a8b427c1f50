import type { Mirror } from './mirror.ts'

/** Files of a machine, by their absolute paths. */
export interface FileReader {
  /** Its text, a byte order mark included; undefined where there is no file. @throws Failure RUNTIME_UNCHANGED */
  read(path: string): Promise<string | undefined>
  /** Names in a folder, sorted; none where there is no folder. @throws Failure RUNTIME_UNCHANGED */
  list(folder: string): Promise<readonly string[]>
}

/** A file as it is and as it should be. */
export interface FileChange {
  readonly path: string
  /** Undefined: there is none. */
  readonly before: string | undefined
  /** Undefined: there should be none. The same as `before`: it is right already. */
  readonly after: string | undefined
  /** What the file is without what was added to it here; undefined where it is nothing without that. */
  readonly own: string | undefined
  /** It is of this program alone, about another one of the changes. */
  readonly isRecord?: true
  /** Its folder goes with it when nothing else is in there. */
  readonly withFolder?: true
}

/** What it takes to make a runtime use a gateway, or no longer. */
export interface RuntimePlan {
  /** In the order in which they are to be made. */
  readonly changes: readonly FileChange[]
  /** What a person should know. */
  readonly notes: readonly string[]
  /** The command that makes the runtime take it up; undefined where nothing is needed. */
  readonly reload: string | undefined
}

/** How one container runtime is set up: from files as they are to files as they should be, without writing any. */
export interface Runtime {
  /** @throws Failure RUNTIME_UNCHANGED where a file can't be understood, or has no place for it */
  add(files: FileReader, mirror: Mirror): Promise<RuntimePlan>
  /** Without all that {@link add} has added, by whatever settings. @throws Failure RUNTIME_UNCHANGED */
  remove(files: FileReader): Promise<RuntimePlan>
}

export function isChange({ before, after }: FileChange): boolean {
  return before !== after
}
