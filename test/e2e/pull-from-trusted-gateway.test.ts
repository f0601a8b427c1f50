import { describeMatrix } from './harness/client-matrix.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { Gateway } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'

describeMatrix('a trusted gateway', ['ipfs'], async (teardown, layouts) => {
  const kubo = await KuboNode.start(teardown)
  const root = await kubo.add(layouts)
  const proxy = await CountingProxy.start(teardown, kubo.gateway)
  const gateway = await Gateway.start(teardown, { sources: [`trusted-gateway=${proxy.url}`] })
  return { gateway, root, proxy }
})
