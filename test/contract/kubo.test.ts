import { Agent } from 'undici'
import { createKuboSource } from '../../src/content/kubo/source.ts'
import { startKuboRpc } from '../fixtures/kubo-rpc.ts'
import { contentSourceContract } from './content-source.ts'

for (const saysLength of [true, false]) {
  contentSourceContract(
    saysLength ? 'a Kubo' : 'a Kubo behind something that hides X-Content-Length',
    async (trees) => {
      const rpc = await startKuboRpc(...trees)
      rpc.saysLength = saysLength
      const dispatcher = new Agent()
      return {
        source: createKuboSource({ name: 'kubo', rpcUrl: rpc.url, dispatcher }),
        bytesSent: () => rpc.bytesSent(),
        stallAfter: (bytes) => {
          rpc.faults = { stallAfter: bytes }
        },
        heal: () => {
          rpc.faults = undefined
        },
        close: async () => {
          await dispatcher.destroy()
          await rpc.close()
        },
      }
    },
    { tellsCid: 'stat' },
  )
}
