import { rm } from 'node:fs/promises'
import { Gateway } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'
import { PUSHING, SOON, describeNameMatrix } from './harness/name-matrix.ts'

describeNameMatrix(
  'images pushed to a Kubo, pulled by the name of their root',
  ['ipfs'],
  async (teardown) => {
    const [near, far] = await KuboNode.pair(teardown)
    const source = `kubo=${near.api}`
    const gateway = await Gateway.start(teardown, { sources: [source], flags: PUSHING })
    // They have another node to ask, which has nothing itself.
    const sources = [`kubo=${far.api}`]
    return {
      gateway,
      settings: ['--store', gateway.store, '--source', source],
      elsewhere: await Gateway.start(teardown, { sources, flags: SOON }),
      follow: (name) =>
        Gateway.start(teardown, { sources, flags: [...SOON, '--read-only-root', `/${name};follow=true`] }),
      async takeAway() {
        await gateway.down()
        await near.down()
        await rm(near.repo, { recursive: true })
      },
    }
  },
)
