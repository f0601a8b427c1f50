import { describeMatrix } from './harness/client-matrix.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { Gateway } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'

describeMatrix("Kubo's gateway, trusting nothing", ['ipfs'], async (teardown, layouts) => {
  // Without the profile: leaves of 256 KiB.
  const kubo = await KuboNode.start(teardown, { profile: false })
  const root = await kubo.add(layouts)
  const proxy = await CountingProxy.start(teardown, kubo.gateway)
  const gateway = await Gateway.start(teardown, { sources: [`gateway=${proxy.url}`] })
  return { gateway, root, proxy }
})
