import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { loadConfig } from '../../src/config/load.ts'
import { heldBlocks } from '../../src/content/embedded/held-blocks.ts'
import type { Digest } from '../../src/reference/digest.ts'
import { createBufferPool, openStore, type OpenStore } from '../../src/wiring/store.ts'
import { DAG_SHAPES, importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { blocksOfFiles, missingBlocks } from '../fixtures/held-blocks.ts'
import { inFolder, LayoutBuilder } from '../fixtures/layouts.ts'
import { ask } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const FOLDER = 'apps/web'
const LAYER = patternBytes(3 * 1024 * 1024 + 1000)

const layout = new LayoutBuilder()
const image = layout.image({ layers: [LAYER, 'a small layer'] })
const index = layout.index([image])
const files = inFolder(FOLDER, layout.list(index, { ref: 'v1' }).files())
const pathOf = (digest: Digest): string => `${FOLDER}/blobs/${digest.replace(':', '/')}`
/** What a client reads; `oci-layout` is not part of it. */
const PULLED = [...files.keys()].filter((path) => !path.endsWith('/oci-layout'))
const LAYER_PATH = PULLED.find((path) => files.get(path) === LAYER) ?? ''

let source: TrustlessGateway
let folder: Awaited<ReturnType<typeof storeFolder>>

beforeEach(async () => {
  source = await startTrustlessGateway()
  folder = await storeFolder()
})

afterEach(async () => {
  await source.close()
  await folder.remove()
})

/** As a client does: the tag, the manifest for its platform, config and layers. */
async function pull(tree: ContentTree, options = ''): Promise<void> {
  source.add(tree)
  // Names of repositories have no capitals.
  const root = tree.root.toV1().toString()
  source.blocks.set(root, tree.blocks.get(tree.root.toString()) as Uint8Array)
  const gateway = await startServedGateway(folder.path, { source: [`gateway=${source.url}${options}`] })
  const name = `/v2/ipfs/${root}/${FOLDER}`
  try {
    for (const reference of ['v1', image.digest]) {
      expect((await ask(gateway.port, `${name}/manifests/${reference}`)).status).toBe(200)
    }
    const { config, layers } = JSON.parse(
      Buffer.from(files.get(pathOf(image.digest)) as Uint8Array).toString(),
    ) as { config: { digest: Digest }; layers: { digest: Digest }[] }
    for (const { digest } of [config, ...layers]) {
      expect((await ask(gateway.port, `${name}/blobs/${digest}`)).status).toBe(200)
    }
  } finally {
    await gateway.stop()
  }
}

async function withStore(use: (store: OpenStore) => Promise<void>): Promise<void> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8')
  const flags = { store: folder.path }
  const { config } = await loadConfig({ flags, env: {}, home: folder.path, readFile: read })
  const store = await openStore(config, folder.path, createBufferPool())
  try {
    await use(store)
  } finally {
    await store.close()
  }
}

test.each(['unixfs-v1-2025', 'unixfs-v0-2015'] as const)(
  'every block of an image that was pulled is held, those of a layer as long as it is: %s',
  async (shape) => {
    const tree = await importTree(Object.fromEntries(files), DAG_SHAPES[shape])
    await pull(tree)
    await withStore(async ({ blobs, table, recentBlocks }) => {
      const held = heldBlocks(blobs, [table, recentBlocks])
      const all = blocksOfFiles(tree, PULLED)
      expect(all.size).toBeGreaterThan(12)
      expect(await missingBlocks(held, all)).toEqual([])
      expect(await missingBlocks(held, blocksOfFiles(tree, [`${FOLDER}/oci-layout`]))).toHaveLength(1)

      const digest = LAYER_PATH.split('/').at(-1)
      await blobs.remove(`sha256:${digest ?? ''}`)
      const missing = await missingBlocks(held, all)
      expect(missing).toHaveLength(
        Math.ceil(LAYER.length / (shape === 'unixfs-v1-2025' ? 1 : 0.25) / 2 ** 20),
      )
      const rest = PULLED.filter((path) => path !== LAYER_PATH)
      expect(await missingBlocks(held, blocksOfFiles(tree, rest))).toEqual([])
    })
  },
)

test('of a source whose content is not to be kept, nothing is noted', async () => {
  const tree = await importTree(Object.fromEntries(files))
  await pull(tree, ';cache=false')
  await withStore(async ({ blobs, table, recentBlocks }) => {
    const all = blocksOfFiles(tree, PULLED)
    expect(await missingBlocks(heldBlocks(blobs, [table, recentBlocks]), all)).toHaveLength(all.size)
  })
})
