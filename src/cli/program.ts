import type { Address } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import type { ExportProgress, ExportRequest, ExportSummary } from '../export/export.ts'
import type { ExportOutput } from '../export/output.ts'
import type { ImportRequest, ImportResult } from '../import/importer.ts'
import type { PublishRequest, PublishResult } from '../publish/publisher.ts'
import type { Inspection } from '../repository/inspection.ts'
import type { Collected, ImportedRoot, RootReport, RootToImport, Unpublished } from './root-reports.ts'
import type { Terminal } from './terminal.ts'

/** What the commands do, apart from reading a command line and printing; `wiring.ts` makes it of real parts. */
export interface Program {
  /**
   * Resolves when the gateway takes requests.
   *
   * @throws Failure STORE_LOCKED, STORE_FAILED, SETTINGS_INVALID; the system's own error when it can't listen
   */
  serve(config: Config, terminal: Terminal): Promise<RunningGateway>
  /** @throws Failure LAYOUT_INVALID, STORE_FAILED, CONTENT_UNAVAILABLE */
  publish(config: Config, request: PublishCommand, terminal: Terminal): Promise<Published>
  /** @throws Failure IMPORT_INVALID, CONTENT_INVALID, CONTENT_UNAVAILABLE, NAME_INVALID, STORE_FAILED */
  import(config: Config, request: ImportRequest, terminal: Terminal): Promise<ImportResult>
  /**
   * `path` is `/ipfs/<cid>/<path>` or `/ipns/<name>/<path>`.
   *
   * @throws Failure NAME_INVALID for any other path; CONTENT_* and NAME_UNRESOLVED
   */
  inspect(config: Config, path: string, terminal: Terminal): Promise<Inspection>
  /**
   * What each root is and was, and where its name leads; what can't be read is said in its report.
   *
   * @throws Failure SETTINGS_INVALID, CONTENT_UNAVAILABLE, STORE_FAILED
   */
  roots(config: Config, terminal: Terminal): Promise<readonly RootReport[]>
  /**
   * Start a root that has no version yet from what is on IPFS, all of which is kept then.
   *
   * @throws as {@link roots}; Failure NAME_INVALID, NAME_UNRESOLVED, CONTENT_NOT_FOUND, IMPORT_INVALID where the root
   *   has versions or the folder is none
   */
  importRoot(config: Config, wanted: RootToImport, terminal: Terminal): Promise<ImportedRoot>
  /** Remove what nothing that is kept reaches, or only list it. @throws as {@link roots} */
  gc(config: Config, dryRun: boolean, terminal: Terminal): Promise<Collected>
  /**
   * Keep no longer what was published or imported. `path` is `<cid>` or `/ipfs/<cid>`.
   *
   * @throws as {@link roots}; Failure NAME_INVALID for any other path, CONTENT_NOT_FOUND where it was not
   */
  unpublish(config: Config, path: string, terminal: Terminal): Promise<Unpublished>
  /**
   * Resolves when all is written.
   *
   * @throws Failure NAME_*, DIGEST_INVALID, MANIFEST_UNKNOWN, BLOB_UNKNOWN, CONTENT_*, OUTPUT_FAILED; then there is
   *   neither file nor folder, and a stream is cut
   */
  export(config: Config, command: ExportCommand, terminal: Terminal): Promise<Exported>
}

export type PublishTargetName = 'embedded' | 'kubo'

export interface PublishCommand extends PublishRequest {
  readonly to: PublishTargetName
}

export interface Published extends PublishResult {
  /** Where the running gateway that did it listens; undefined when none was running. */
  readonly gateway?: Address
}

export interface ExportCommand extends ExportRequest {
  readonly output: ExportOutput
  readonly signal: AbortSignal
  readonly onProgress?: (progress: ExportProgress) => void
}

export interface Exported extends ExportSummary {
  /** That were written; of a folder, those of the archive that it came as. */
  readonly bytes: number
}

export interface RunningGateway {
  /** `http://127.0.0.1:5000`, with the port that is really used. */
  readonly url: string
  readonly adminUrl: string | undefined
  /** For people, on stdout: how to run the sample. */
  readonly lines: readonly string[]
  /** Rejects when the gateway can't go on; never resolves. */
  readonly failed?: Promise<never>
  /** Takes nothing new and resolves when what is under way has ended; the signal cuts the rest short. */
  stop(signal: AbortSignal): Promise<void>
}
