import type { OpenSums } from '../cache/stream-sums.ts'
import type { Config } from '../config/config.ts'
import { heldBlocks } from '../content/embedded/held-blocks.ts'
import { createEmbeddedCarTarget } from '../content/embedded/import/import-car.ts'
import { createEmbeddedTarget } from '../content/embedded/target.ts'
import { Failure } from '../errors.ts'
import { createImporter } from '../import/import-file.ts'
import type { Importer } from '../import/importer.ts'
import { createKuboTarget } from '../publish/kubo/kubo-target.ts'
import { createPublisher } from '../publish/publish-layouts.ts'
import type { Publisher } from '../publish/publisher.ts'
import { locateSources } from './sources.ts'
import type { OpenStore } from './store.ts'

/** Publishes into the open store. @param openSums what hashes the files; default: this thread */
export function embeddedPublisher({ blobs, table }: OpenStore, openSums?: OpenSums): Publisher {
  return createPublisher({
    target: createEmbeddedTarget({ blobs, table, openSums }),
    workDir: blobs.workFolder,
  })
}

/** Imports into the open store. */
export function storeImporter({ blobs, table, recentBlocks, ipnsRecords }: OpenStore): Importer {
  return createImporter({
    cars: createEmbeddedCarTarget({ blobs, table, held: heldBlocks(blobs, [table, recentBlocks]) }),
    records: ipnsRecords,
  })
}

/**
 * Publishes into the first configured Kubo.
 *
 * @throws Failure CONTENT_UNAVAILABLE when there is none
 */
export async function kuboPublisher(
  config: Config,
  workDir: string,
  signal: AbortSignal,
): Promise<Publisher> {
  const located = await locateSources(config, signal)
  const kubo = located.find(({ kind }) => kind === 'kubo')
  if (kubo === undefined) {
    throw new Failure(
      'CONTENT_UNAVAILABLE',
      'no Kubo to publish to; name one: --source kubo=http://127.0.0.1:5001',
    )
  }
  const target = createKuboTarget({
    baseUrl: kubo.url,
    dispatcher: kubo.dispatcher,
    headers: kubo.setting.headers,
  })
  return createPublisher({ target, workDir })
}
