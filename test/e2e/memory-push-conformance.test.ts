import { startPushRegistry } from '../fixtures/push-registry.ts'
import { describePushConformance } from './harness/push-conformance.ts'

describePushConformance('OCI conformance, endpoints over memory', [], async (teardown) => {
  const registry = await startPushRegistry({ catalog: true })
  teardown.defer(() => registry.close())
  return { host: `127.0.0.1:${registry.port}` }
})
