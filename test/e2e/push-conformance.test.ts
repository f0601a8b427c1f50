import { Gateway } from './harness/gateway-process.ts'
import { describePushConformance } from './harness/push-conformance.ts'

const FLAGS = ['--push', '--delete', '--upstream', 'none']

describePushConformance('OCI conformance, pushed to the embedded store', [], (teardown) =>
  Gateway.start(teardown, { sources: ['embedded'], flags: FLAGS }),
)
