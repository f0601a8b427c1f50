import { Gateway } from './harness/gateway-process.ts'
import { describeConformance } from './harness/oci-conformance.ts'
import { Registry } from './harness/registry.ts'

describeConformance(
  'OCI conformance, reading from an upstream',
  ['registry', 'skopeo'],
  async (teardown, layout) => {
    const registry = await Registry.start(teardown)
    for (const tag of ['amd64', 'arm64', 'many']) await registry.push(layout, tag, 'team/app')
    const flags = ['--upstream', `registry.example=${registry.url}`]
    const gateway = await Gateway.start(teardown, { sources: ['embedded'], flags })
    return { gateway, repository: 'registry.example/team/app' }
  },
)
