import type { CID } from 'multiformats/cid'
import type { OpenSums } from '../cache/stream-sums.ts'
import type { Collected } from '../cli/root-reports.ts'
import type { Config } from '../config/config.ts'
import { Failure } from '../errors.ts'
import type { KuboAddress } from '../publish/kubo/rpc.ts'
import { createEmbeddedRoots, type EmbeddedRoots } from '../roots/embedded/embedded-roots.ts'
import { createKuboRootStore } from '../roots/kubo/kubo-root-store.ts'
import type { RootStore } from '../roots/root-store.ts'
import type { OpenStore } from './store.ts'

/** Roots where they are kept, and what is done for all of them at once. */
export interface KeptRoots {
  readonly store: RootStore
  /** Where roots are kept in a Kubo, that one; undefined: in the embedded store. */
  readonly kubo: KuboAddress | undefined
  /** Names of the roots that have versions. */
  readonly names: (signal: AbortSignal) => Promise<readonly string[]>
  /** Remove uploads and staged blobs whose time is over. */
  readonly sweep: (signal: AbortSignal) => Promise<void>
  /** Remove what nothing that is kept reaches. */
  readonly collect: (dryRun: boolean, signal: AbortSignal) => Promise<Collected>
  /** @throws Failure CONTENT_NOT_FOUND when it was not published or imported, SETTINGS_INVALID when a Kubo may hold it */
  readonly unpublish: (cid: CID, signal: AbortSignal) => Promise<void>
  /** The root of what not everybody may pull, in a store of its own; undefined where there is none. */
  readonly privately: KeptRoots | undefined
  readonly close: () => Promise<void>
}

type RootSettings = Pick<Config, 'uploadTimeout' | 'rootHistory'>

/**
 * Roots in the embedded store. Only one of them may take pushes at a time.
 *
 * @param privateStore the one in it that has been opened
 * @param openSums what hashes pushed blobs; default: this thread
 */
export function keepInEmbedded(
  config: RootSettings,
  store: OpenStore,
  privateStore: OpenStore | undefined,
  openSums?: OpenSums,
): KeptRoots {
  const roots = embeddedRoots(config, store, openSums)
  const privately =
    privateStore === undefined ? undefined : keepInEmbedded(config, privateStore, undefined, openSums)
  return {
    store: roots,
    kubo: undefined,
    names: (signal) => roots.roots(signal),
    sweep: (signal) => roots.sweep(signal),
    async collect(dryRun, signal) {
      const embedded = await collectEmbedded(roots, dryRun, signal)
      const more = (await privately?.collect(dryRun, signal))?.embedded
      return { dryRun, embedded: more === undefined ? embedded : sumOf(embedded, more) }
    },
    unpublish: (cid, signal) => roots.unpublish(cid, signal),
    privately,
    async close() {
      await privately?.close()
      await roots.close()
    },
  }
}

/** Roots in a Kubo. What was published and imported may be in an embedded store beside it. */
export function keepInKubo(
  config: RootSettings,
  kubo: KuboAddress,
  beside: OpenStore | undefined,
): KeptRoots {
  const store = createKuboRootStore({
    kubo,
    uploadTimeout: config.uploadTimeout,
    history: config.rootHistory,
  })
  const embedded = beside === undefined ? undefined : embeddedRoots(config, beside)
  return {
    store,
    kubo,
    names: (signal) => store.roots(signal),
    sweep: (signal) => store.sweep(signal),
    async collect(dryRun, signal) {
      const { paths, pins } = await store.release({ dryRun }, signal)
      return {
        dryRun,
        kubo: { paths, pins: pins.map(String) },
        ...(embedded === undefined ? {} : { embedded: await collectEmbedded(embedded, dryRun, signal) }),
      }
    },
    async unpublish(cid, signal) {
      signal.throwIfAborted()
      if ((await beside?.table.unpin(cid)) === true) return
      throw new Failure(
        'SETTINGS_INVALID',
        `what is published to a Kubo is held by its pins, which are yours: ipfs pin rm ${cid.toString()}`,
      )
    },
    privately: undefined,
    close: async () => embedded?.close(),
  }
}

function embeddedRoots(
  { uploadTimeout, rootHistory }: RootSettings,
  store: OpenStore,
  openSums?: OpenSums,
): EmbeddedRoots {
  const options = { store, uploadTimeout, history: rootHistory }
  return createEmbeddedRoots({ ...options, ...(openSums === undefined ? {} : { openSums }) })
}

type CollectedBlobs = NonNullable<Collected['embedded']>

function sumOf(one: CollectedBlobs, other: CollectedBlobs): CollectedBlobs {
  return {
    blobs: [...one.blobs, ...other.blobs],
    blobBytes: one.blobBytes + other.blobBytes,
    blocks: one.blocks + other.blocks,
    blockBytes: one.blockBytes + other.blockBytes,
  }
}

async function collectEmbedded(
  roots: EmbeddedRoots,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<CollectedBlobs> {
  const blobs: { digest: string; size: number }[] = []
  const onBlob = ({ digest, size }: { digest: string; size: number }): void =>
    void blobs.push({ digest, size })
  const { blobBytes, blocks, blockBytes } = await roots.release({ dryRun, onBlob, signal })
  return { blobs, blobBytes, blocks, blockBytes }
}
