import { Gateway } from './harness/gateway-process.ts'
import { describePushMatrix } from './harness/push-matrix.ts'

describePushMatrix('images pushed to the embedded store', [], async (teardown) => {
  const flags = ['--push', '--upstream', 'none']
  const gateway = await Gateway.start(teardown, { sources: ['embedded'], flags })
  const other = await Gateway.start(teardown, {
    sources: [`gateway=${gateway.url}`],
    flags: ['--upstream', 'none'],
  })
  return { host: gateway.host, elsewhere: other.host }
})
