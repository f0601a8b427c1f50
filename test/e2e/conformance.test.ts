import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { describeConformance } from './harness/oci-conformance.ts'

describeConformance('OCI conformance, reading', [], async (teardown, layout) => {
  const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
  return { gateway, repository: repositoryOf(await gateway.publish(layout)) }
})
