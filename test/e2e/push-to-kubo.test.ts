import { Gateway } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'
import { describePushMatrix } from './harness/push-matrix.ts'

describePushMatrix('images pushed to a Kubo', ['ipfs'], async (teardown) => {
  const [near, far] = await KuboNode.pair(teardown)
  const gateway = await Gateway.start(teardown, {
    sources: [`kubo=${near.api}`],
    flags: ['--push', '--upstream', 'none'],
  })
  // It has another node to ask, which has nothing itself.
  const other = await Gateway.start(teardown, {
    sources: [`kubo=${far.api}`],
    flags: ['--upstream', 'none'],
  })
  return { host: gateway.host, elsewhere: other.host }
})
