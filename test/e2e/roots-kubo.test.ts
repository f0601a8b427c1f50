import { Agent } from 'undici'
import { createKuboRootStore } from '../../src/roots/kubo/kubo-root-store.ts'
import { describeRootStore } from '../contract/root-store.ts'
import { KuboNode } from './harness/kubo.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const LEAF = { bytes: 1024 * 1024, time: 10_000 }

describeWith(['ipfs'], 'roots in Kubo', () => {
  for (const [name, options] of [
    ['a Kubo', {}],
    ['a Kubo that gets one leaf at a time', { segment: LEAF }],
  ] as const) {
    describeRootStore(name, async (settings) => {
      const teardown = new Teardown()
      const dispatcher = new Agent()
      teardown.defer(() => dispatcher.close())
      const node = await KuboNode.start(teardown)
      const open = () =>
        createKuboRootStore({ kubo: { baseUrl: node.api, dispatcher }, ...options, ...settings })
      let store = open()
      return {
        keepsUploads: true,
        get store() {
          return store
        },
        restart: async () => {
          await node.kill()
          await node.up()
          store = open()
        },
        sweep: () => store.sweep(new AbortController().signal),
        close: () => teardown.run(),
      }
    })
  }
})
