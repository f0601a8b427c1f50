import { expect, test } from '@jest/globals'
import { importTree, patternBytes } from '../fixtures/content-tree.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, errorOf } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway } from '../fixtures/trustless-gateway.ts'

test('an answer that is refused for its size gives its place at the source back', async () => {
  const layout = new LayoutBuilder()
  const manifest = layout.blob(Buffer.from(patternBytes(2 * 1024 * 1024)), 'application/octet-stream')
  const files = layout.list(layout.image(), { ref: 'v1' }).files()
  files.set('big/index.json', patternBytes(2 * 1024 * 1024))
  const tree = await importTree(Object.fromEntries(files))
  const source = await startTrustlessGateway(tree)
  const store = await storeFolder()
  const gateway = await startServedGateway(store.path, {
    source: [`gateway=${source.url};concurrency=1`],
    'max-index-size': '1MiB',
    'max-manifest-size': '1MiB',
  })
  try {
    const name = `ipfs/${tree.root.toString()}`
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const index = await ask(gateway.port, `/v2/${name}/big/manifests/v1`)
      expect(errorOf(index).message).toContain('2097152 bytes')
      const large = await ask(gateway.port, `/v2/${name}/manifests/${manifest.digest}`)
      expect(errorOf(large).code).toBe('MANIFEST_UNKNOWN')
    }
    expect((await ask(gateway.port, `/v2/${name}/manifests/v1`)).status).toBe(200)
  } finally {
    await gateway.stop()
    await source.close()
    await store.remove()
  }
})
