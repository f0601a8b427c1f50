import { arch } from 'node:os'
import type { Exported, ExportCommand } from '../cli/program.ts'
import type { Config } from '../config/config.ts'
import { relayedBlocks } from '../content/dag/relayed-blocks.ts'
import { openCar } from '../export/car.ts'
import type { ExportRequest, OpenedExport } from '../export/export.ts'
import { openExport, type ExporterParts } from '../export/open-export.ts'
import { writeOutput } from '../export/output.ts'
import type { Backend } from './repositories.ts'
import { buildBlockReaders, type LocatedSource } from './sources.ts'
import { heldIn, type OpenStore } from './store.ts'

export type Exporter = (request: ExportRequest, signal: AbortSignal) => Promise<OpenedExport>

/** Exports what the sources have: what is in the store from there, the rest from the others. */
export function buildExporter(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore | undefined,
  { repositories, policy }: Backend,
): Exporter {
  const blocks = relayedBlocks(heldIn(store), buildBlockReaders(config, located))
  const parts: ExporterParts = {
    at: (path, signal) => repositories.at(path, signal),
    car: (path, signal) => openCar(path, blocks, (target) => policy.checkTarget(target), signal),
    arch: arch(),
  }
  return (request, signal) => openExport(request, parts, signal)
}

/** Write an export to where the command wants it. */
export async function writeExport(
  { summary, body }: OpenedExport,
  { output, signal, onProgress }: ExportCommand,
): Promise<Exported> {
  let bytes = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      bytes += piece.length
      onProgress?.({ step: 'exporting', doneBytes: bytes, totalBytes: summary.size })
      yield piece
    }
  }
  await writeOutput(output, counted(), signal)
  return { ...summary, bytes }
}
