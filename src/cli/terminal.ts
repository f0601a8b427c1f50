import type { Readable, Writable } from 'node:stream'

/** What a command has of the world; `main.ts` makes it of the process, tests of streams. */
export interface Terminal {
  /** Results. */
  readonly stdout: Writable & { readonly isTTY?: boolean }
  /** Progress and logs. */
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** Aborts when the user or the system wants an end. */
  readonly signal: AbortSignal
  readonly readFile: (path: string) => Promise<string>
  /** `darwin`, `linux`, `win32`: some advice depends on it. */
  readonly platform: string
  /** Of this program. */
  readonly version: string
}
