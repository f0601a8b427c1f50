import { Gateway } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'
import { describePushConformance } from './harness/push-conformance.ts'

const FLAGS = ['--push', '--delete', '--upstream', 'none']

describePushConformance('OCI conformance, pushed to the embedded store', [], (teardown) =>
  Gateway.start(teardown, { sources: ['embedded'], flags: FLAGS }),
)

describePushConformance('OCI conformance, pushed to a Kubo', ['ipfs'], async (teardown) => {
  const kubo = await KuboNode.start(teardown)
  return Gateway.start(teardown, { sources: [`kubo=${kubo.api}`], flags: FLAGS })
})
