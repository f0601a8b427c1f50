import type { ContentPath } from '../content/source.ts'
import { Failure } from '../errors.ts'
import type { IpfsRepository } from '../repository/ipfs/repository.ts'
import { dockerArchive } from './docker-archive.ts'
import type { ExportRequest, OpenedExport } from './export.ts'
import type { ImageArchive } from './image-archive.ts'
import { openLayout } from './layout-source.ts'
import type { LayoutSource } from './layout-source.ts'
import { ociArchive } from './oci-archive.ts'
import { checkPlatform, platformHere } from './platform.ts'
import { parseReference } from './reference.ts'
import type { Wanted } from './reference.ts'
import { tarOf, tarSize } from './tar.ts'

export interface ExporterParts {
  /** The repository at a path; a mutable name is resolved once. @throws Failure NAME_INVALID, NAME_UNRESOLVED, DENIED */
  readonly at: (path: string, signal: AbortSignal) => Promise<IpfsRepository>
  /** Everything below what a path leads to, as a CAR. @throws Failure CONTENT_* */
  readonly car: (path: ContentPath, signal: AbortSignal) => Promise<OpenedExport>
  /** Of this machine, as `os.arch()` has it. */
  readonly arch: string
}

/**
 * Find out what an export consists of, and whether all of it is there. The content itself is read with the body.
 *
 * @throws Failure NAME_INVALID, DIGEST_INVALID, NAME_UNRESOLVED, DENIED; NAME_UNKNOWN, MANIFEST_UNKNOWN, BLOB_UNKNOWN for
 *   what is not there; CONTENT_*
 */
export async function openExport(
  request: ExportRequest,
  parts: ExporterParts,
  signal: AbortSignal,
): Promise<OpenedExport> {
  const { path, wanted } = parseReference(request.path)
  if (request.platform !== undefined) checkPlatform(request.platform)
  const repository = await parts.at(path, signal)
  if (request.format === 'car') {
    if (wanted.kind === 'all') return parts.car(repository.path, signal)
    throw new Failure('NAME_INVALID', `a CAR holds all that is at ${path}; other formats hold single images`)
  }
  const source = await openLayout(repository, signal)
  const { files, images } = await archiveOf({ ...request, path }, wanted, source, parts.arch, signal)
  return { summary: { source: source.path, images, size: tarSize(files) }, body: tarOf(files, signal) }
}

function archiveOf(
  { path, platform, format, name }: ExportRequest,
  wanted: Wanted,
  source: LayoutSource,
  arch: string,
  signal: AbortSignal,
): Promise<ImageArchive> {
  if (format !== 'docker-archive') return ociArchive(wanted, platform, source, signal)
  const options = {
    platform: platform ?? platformHere(arch),
    strict: platform !== undefined,
    name: name ?? lastComponent(path),
  }
  return dockerArchive(wanted, options, source, signal)
}

/** `alpine` of `/ipfs/<cid>/alpine`; undefined where nothing stands behind the CID. */
function lastComponent(path: string): string | undefined {
  return path
    .split('/')
    .filter((part) => part !== '')
    .slice(2)
    .at(-1)
}
