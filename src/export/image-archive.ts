import type { ExportedImage } from './export.ts'
import type { TarFile } from './tar.ts'

/** The files of an archive in their order, and the images in it. */
export interface ImageArchive {
  readonly files: readonly TarFile[]
  readonly images: readonly ExportedImage[]
}
