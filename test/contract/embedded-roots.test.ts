import { RootsFolder, type OpenedRoots } from '../fixtures/embedded-roots.ts'
import { describeRootStore } from './root-store.ts'

const { signal } = new AbortController()

describeRootStore('the embedded store', async (settings) => {
  const folder = await RootsFolder.create()
  let opened: OpenedRoots = await folder.open(settings)
  return {
    keepsUploads: false,
    get store() {
      return opened.roots
    },
    restart: async () => {
      opened = await folder.open(settings)
    },
    sweep: () => opened.roots.sweep(signal),
    close: () => folder.remove(),
  }
})
