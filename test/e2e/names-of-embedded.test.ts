import { rm } from 'node:fs/promises'
import { Gateway } from './harness/gateway-process.ts'
import { PUSHING, SOON, describeNameMatrix } from './harness/name-matrix.ts'

describeNameMatrix(
  'images pushed to the embedded store, pulled by the name of their root',
  [],
  async (teardown) => {
    const gateway = await Gateway.start(teardown, { sources: ['embedded'], flags: PUSHING })
    const source = `gateway=${gateway.url}`
    return {
      gateway,
      settings: ['--store', gateway.store, '--source', 'embedded'],
      elsewhere: await Gateway.start(teardown, { sources: [source], flags: SOON }),
      follow: (name) =>
        Gateway.start(teardown, {
          sources: ['embedded', source],
          flags: [...SOON, '--read-only-root', `/${name};follow=true`],
        }),
      async takeAway() {
        await gateway.down()
        await rm(gateway.store, { recursive: true })
      },
    }
  },
)
