import { describeMatrix } from './harness/client-matrix.ts'
import { Gateway } from './harness/gateway-process.ts'

describeMatrix('the embedded store', [], async (teardown, layouts) => {
  const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
  const { root } = await gateway.publish(layouts)
  return { gateway, root }
})
